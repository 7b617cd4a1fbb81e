import { createServer, type AddressInfo } from 'node:net'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { examine, healthy, type DoctorFacts } from '../../../edge-agent/cli/doctor.ts'

const well: DoctorFacts = {
  nodeVersion: 'v20.20.2',
  nowMs: Date.UTC(2026, 10, 21),
  root: join(mkdtempSync(join(tmpdir(), 'starling-doctor-')), 'not', 'yet', 'made'),
  modelFiles: [new URL(import.meta.url)],
  ports: [],
  findNatsServer: async () => ({ found: '2.9.10' }),
}
const faults = async (change: Partial<DoctorFacts>): Promise<readonly string[]> =>
  (await examine({ ...well, ...change })).filter(({ state }) => state === 'missing').map(({ name }) => name)

describe('doctor', () => {
  it('finds a well machine well', async () => {
    expect(healthy(await examine(well))).toBe(true)
  })

  it('names what is missing, with a remedy for each', async () => {
    expect(await faults({ nodeVersion: 'v20.18.9' })).toEqual(['node'])
    expect(await faults({ nodeVersion: 'v21.9.0' })).toEqual(['node'])
    expect(await faults({ nowMs: 0 })).toEqual(['clock'])
    expect(await faults({ findNatsServer: async () => ({ remedy: 'apt-get install nats-server' }) })).toEqual(
      ['nats-server'],
    )
    expect(await faults({ modelFiles: [new URL('file:///nowhere/speech/acoustic.onnx')] })).toEqual([
      'model speech/acoustic.onnx',
    ])
    expect(healthy([])).toBe(false)
  })

  it('warns of a taken port, which stops nothing', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => {
      holder.listen(0, '127.0.0.1', resolve)
    })
    const { port } = holder.address() as AddressInfo
    const findings = await examine({ ...well, ports: [{ name: 'the centre', port }] })
    expect(findings.at(-1)).toMatchObject({ state: 'warning', found: 'taken' })
    expect(healthy(findings)).toBe(true)
    holder.close()
  })
})
