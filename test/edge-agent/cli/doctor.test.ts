import { createServer, type AddressInfo } from 'node:net'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeNote } from '../../../shared/sql/recovery/note.ts'
import { examine, healthy, type DoctorFacts } from '../../../edge-agent/cli/doctor.ts'

const well: DoctorFacts = {
  nodeVersion: 'v20.20.2',
  nowMs: Date.UTC(2026, 10, 21),
  root: join(mkdtempSync(join(tmpdir(), 'starling-doctor-')), 'not', 'yet', 'made'),
  database: join(tmpdir(), 'starling-no-database'),
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

  it('warns of a database that was damaged, with the rung that opened it again and where the damaged one lies', async () => {
    const database = mkdtempSync(join(tmpdir(), 'starling-doctor-database-'))
    const at = '2026-06-01T08:00:00.000Z'
    await writeNote(database, { v: 1, phase: 'suspected', reason: 'page 3 fails its checksum', at })
    const named = async () => (await examine({ ...well, database })).find(({ name }) => name === 'database')
    expect(await named()).toMatchObject({ state: 'warning', found: 'damaged: page 3 fails its checksum' })
    await writeNote(database, {
      v: 1,
      phase: 'settled',
      reason: 'page 3 fails its checksum',
      at,
      rung: 'snapshot',
      snapshotAt: at,
      replayed: 4,
    })
    mkdirSync(join(database, 'pgdata.damaged'))
    const told = await named()
    expect(told?.found).toContain('snapshot')
    expect(told?.remedy).toContain('pgdata.damaged')
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
