import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL, fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder } from '../support/data-folder.ts'
import { gateFault, performersOf } from './forged.ts'
import { gatesIn, ROOT, sources, ungatedIn, type Gate } from './gates.ts'

const all = sources()
const gates = all.flatMap(gatesIn)

let folder: Awaited<ReturnType<typeof dataFolder>>
beforeAll(async () => {
  folder = await dataFolder('mutants')
})
afterAll(async () => await folder.remove())

type Module = Readonly<Record<string, unknown>>

async function original({ file }: Gate): Promise<Module> {
  return (await import(pathToFileURL(join(ROOT, file)).href)) as Module
}

/** The module with this one gate taken out: it reads the admission as if it had been redeemed. */
async function mutant(gate: Gate, text: string): Promise<Module> {
  const open = text.slice(0, gate.at) + 'waveThrough(' + text.slice(gate.at + 'redeem('.length)
  const code = `${open}\nfunction waveThrough(admitted: any, _action: string): any { return admitted }\n`
  const path = join(folder.path, String(gate.at), gate.file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(
    path,
    code.replace(
      /^((?:import|export)\b[^']*?\bfrom\s*)'([^']+)'/gm,
      (_all, from: string, target: string) =>
        `${from}'${target.startsWith('.') ? resolve(ROOT, dirname(gate.file), target) : found(target)}'`,
    ),
  )
  return (await import(pathToFileURL(path).href)) as Module
}

/** Where a package or a module of Node lies, seen from here: the mutant lies where no node_modules is. */
function found(target: string): string {
  if (target.startsWith('node:')) return target
  return fileURLToPath(import.meta.resolve(target))
}

describe('the gates', () => {
  it('were looked for in more than nothing, and found', () => {
    expect(all.length).toBeGreaterThan(100)
    expect(gates.length).toBeGreaterThanOrEqual(9)
    expect(new Set(gates.map(({ file }) => file.split('/')[0]))).toEqual(
      new Set(['control-plane', 'edge-agent']),
    )
  })

  it('stand on the first line of every performer', () => {
    expect(all.flatMap(ungatedIn)).toEqual([])
  })

  it('would be missed where one is absent, late, or hidden', () => {
    const faults = (text: string) => ungatedIn({ file: 'x.ts', text }).length
    expect(faults(`const p = { perform: async (admitted, tx) => { redeem(admitted, 'a') } }`)).toBe(0)
    expect(
      faults(
        `class P { async perform(admitted: X): Promise<O> { const { request } = redeem(admitted, 'a') } }`,
      ),
    ).toBe(0)
    expect(
      faults(`const p = { perform: async (admitted, tx) => { await tx.query(''); redeem(admitted, 'a') } }`),
    ).toBe(1)
    expect(faults(`const p = { perform: async (admitted) => { // redeem(admitted, 'a')\n } }`)).toBe(1)
    expect(faults(`const p = { perform: async () => await doIt() }`)).toBe(1)
    expect(faults(`const p = { perform }`)).toBe(1)
  })

  for (const gate of gates) {
    const text = all.find(({ file }) => file === gate.file)?.text ?? ''
    it(`${gate.file}:${gate.line} refuses what the kernel did not admit, and its removal is noticed`, async () => {
      const made = await performersOf(await original(gate))
      expect(made.length, 'performers that this file makes').toBeGreaterThanOrEqual(
        gatesIn({ file: gate.file, text }).length,
      )
      for (const one of made) expect(await gateFault(one)).toBeNull()
      const mutants = await performersOf(await mutant(gate, text))
      expect(mutants.length).toBe(made.length)
      const faults = (await Promise.all(mutants.map(gateFault))).filter((fault) => fault !== null)
      // Performers of one kind share the gate of the function that makes them.
      const shared = gatesIn({ file: gate.file, text }).length === 1
      expect(faults.length, 'performers whose gate is gone').toBe(shared ? made.length : 1)
    })
  }
})
