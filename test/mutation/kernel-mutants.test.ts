import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from './gates.ts'
import { KERNEL_MUTANTS, type Mutant } from './kernel-mutants.ts'

const run = promisify(execFile)

interface Found {
  readonly passed: number
  readonly failed: number
  readonly fitted: number
}

/** What became of each mutant, the first of them none. */
async function examined(): Promise<readonly Found[]> {
  const [first] = KERNEL_MUTANTS
  if (first === undefined) throw new Error('no mutants')
  const all: readonly Mutant[] = [{ ...first, to: first.from }, ...KERNEL_MUTANTS]
  const { stdout } = await run(
    process.execPath,
    [join(ROOT, 'test/mutation/run-mutants.mjs'), JSON.stringify(all)],
    { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_NO_WARNINGS: '1' } },
  )
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Found)
}

let found: readonly Found[]
beforeAll(async () => {
  found = await examined()
}, 300_000)

describe('the kernel as it is', () => {
  it('passes the tests that the mutants are put to, run the same way', () => {
    expect(found[0]?.failed).toBe(0)
    expect(found[0]?.passed).toBeGreaterThan(15)
  })
})

describe('the kernel with one promise broken', () => {
  for (const [at, mutant] of KERNEL_MUTANTS.entries())
    it(`is caught when it ${mutant.name}`, () => {
      expect(readFileSync(join(ROOT, mutant.file), 'utf8').split(mutant.from).length - 1).toBe(1)
      expect(found[at + 1]?.fitted).toBe(1)
      expect(found[at + 1]?.failed).toBeGreaterThan(0)
    })
})
