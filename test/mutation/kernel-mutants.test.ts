import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ROOT } from './gates.ts'
import { KERNEL_MUTANTS, type Mutant } from './kernel-mutants.ts'

const run = promisify(execFile)

interface Found {
  readonly passed: number
  readonly failed: number
  readonly fitted: number
}

async function examine(mutant: Mutant): Promise<Found> {
  const { stdout } = await run(
    process.execPath,
    [join(ROOT, 'test/mutation/run-mutant.mjs'), JSON.stringify(mutant)],
    { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_NO_WARNINGS: '1' } },
  )
  return JSON.parse(stdout) as Found
}

describe('the kernel as it is', () => {
  it('passes the tests that the mutants are put to, run the same way', async () => {
    const [first] = KERNEL_MUTANTS
    if (first === undefined) throw new Error('no mutants')
    const { passed, failed } = await examine({ ...first, to: first.from })
    expect(failed).toBe(0)
    expect(passed).toBeGreaterThan(15)
  })
})

describe('the kernel with one promise broken', () => {
  for (const mutant of KERNEL_MUTANTS)
    it(`is caught when it ${mutant.name}`, async () => {
      expect(readFileSync(join(ROOT, mutant.file), 'utf8').split(mutant.from).length - 1).toBe(1)
      const { failed, fitted } = await examine(mutant)
      expect(fitted).toBe(1)
      expect(failed).toBeGreaterThan(0)
    })
})
