import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { pruneResults } from '../../../control-plane/context/prune-results.ts'
import { heldResults } from '../../../edge-agent/context/held-results.ts'
import { NOTE, openPair, type Pair } from './pair.ts'
import { tenant, type SimulatedDevice } from './stage.ts'

const KEPT = 3
let pair: Pair
beforeAll(async () => {
  pair = await openPair()
})
beforeEach(async () => await pair.begin())
afterAll(async () => await pair.close())

/** What ingest notes as it stores the device's records. */
async function arrived({ id }: SimulatedDevice, seq: number): Promise<void> {
  await pair.centre.query(
    `insert into ingest.device (tenant, device, seq, hash) values ($1, $2, $3, '') on conflict (tenant, device) do update set seq = excluded.seq`,
    [tenant, id, seq],
  )
}
const results = async ({ id }: SimulatedDevice): Promise<number> =>
  (
    await pair.centre.query<{ n: number }>(
      `select count(*) as n from ops.row where tbl = 'write_result' and device = $1`,
      [id],
    )
  )[0]?.n ?? -1
const prune = async (device: SimulatedDevice): Promise<number> => {
  const held = await heldResults(device.at.db)
  if (held === null) return 0
  return await pair.centre.transaction(
    async (tx) => await pruneResults(tx, { tenant, device: device.id }, held, KEPT),
  )
}

describe('results of writes at the centre', () => {
  it('stay until their device holds them and what it wrote before has come; then the newest stay', async () => {
    const { one, centre } = pair
    for (let number = 0; number < 8; number++)
      await one.write('note', null, { ...NOTE, text: `note ${number}` })
    await pair.up(one)
    expect(await results(one)).toBe(8)
    // The device has heard of none yet.
    expect(await prune(one)).toBe(0)
    await one.pull(centre)
    // It holds them, and the centre may lack records that build on the writes.
    await arrived(one, 1)
    expect(await prune(one)).toBe(0)
    await arrived(one, (await heldResults(one.at.db))?.seq ?? 0)
    expect(await prune(one)).toBe(8 - KEPT)
    expect([await prune(one), await results(one)]).toEqual([0, KEPT])
    await one.pull(centre)
    expect((await one.seen('note', await lastNote()))?.pending).toBe(false)
    // And nothing is made of a change that comes after: it builds on no write that is gone.
    const text = 'changed after its result was let go'
    const first = await firstNote()
    await one.write('note', first, { text })
    expect(await pair.up(one)).toEqual(['applied'])
    expect(await pair.bodyAtCentre('note', first)).toMatchObject({ text })
  })

  it('stay where a person may yet decide, and are another device’s own', async () => {
    const { one, other, centre } = pair
    await one.write('work_order', 'wo-1', { description: 'as one saw it' })
    await other.write('work_order', 'wo-1', { description: 'as the other saw it' })
    expect(await pair.up(one)).toEqual(['applied'])
    expect(await pair.up(other)).toEqual(['conflict'])
    for (let number = 0; number < 6; number++) await other.write('note', null, { ...NOTE, text: `${number}` })
    await pair.up(other)
    await other.pull(centre)
    await arrived(other, (await heldResults(other.at.db))?.seq ?? 0)
    // Of seven the newest three, and the conflict.
    expect(await prune(other)).toBe(3)
    expect([await results(other), await results(one)]).toEqual([4, 1])
  })
})

async function noteKeys(): Promise<readonly string[]> {
  const rows = await pair.centre.query<{ key: string }>(
    `select key from ops.row where tbl = 'note' order by version`,
  )
  return rows.map(({ key }) => key)
}
const firstNote = async (): Promise<string> => (await noteKeys())[0] ?? ''
const lastNote = async (): Promise<string> => (await noteKeys()).at(-1) ?? ''
