/** W4 of edge-agent/context/SPEC.md: whatever the order in which devices are heard, the same comes of it. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ContextTable } from '../../../shared/context/tables.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { StarlingError } from '../../../shared/errors.ts'
import {
  carryUp,
  fillCentre,
  openCentres,
  simulatedDevice,
  stateOf,
  type SimulatedDevice,
  type WriteRecord,
} from './stage.ts'

const SEED = Number(process.env['SEED'] ?? 20_260_601)
const RUNS = Number(process.env['RUNS'] ?? 1)
/** Of one week, all devices together. */
const EDITS = Number(process.env['EDITS'] ?? 240)
const MINUTES_OF_A_WEEK = 7 * 24 * 60

const order = fc.constantFrom('wo-1', 'wo-2', 'wo-3')
const status = fc.constantFrom('open', 'in_progress', 'on_hold', 'closed')
const change = (table: ContextTable, key: fc.Arbitrary<string>, patch: fc.Arbitrary<JsonObject>) =>
  fc.record({ kind: fc.constant('change' as const), table: fc.constant(table), key, patch })

const edit = fc.oneof(
  {
    weight: 4,
    arbitrary: change(
      'work_order',
      order,
      status.map((now) => ({ status: now, closedAt: now === 'closed' ? '2026-06-02T10:00:00.000Z' : null })),
    ),
  },
  {
    weight: 2,
    arbitrary: change(
      'work_order',
      order,
      fc.constantFrom('low', 'normal', 'high', 'urgent').map((priority) => ({ priority })),
    ),
  },
  {
    weight: 2,
    arbitrary: change(
      'work_order',
      order,
      fc.string({ maxLength: 20 }).map((description) => ({ description })),
    ),
  },
  {
    weight: 3,
    arbitrary: change(
      'part',
      fc.constant('seal-9'),
      fc.integer({ min: -9, max: 9 }).map((stock) => ({ stock })),
    ),
  },
  {
    weight: 2,
    arbitrary: change(
      'asset',
      fc.constant('pump-1'),
      fc
        .array(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
        .map((aliases) => ({ aliases })),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('create' as const), text: fc.string({ maxLength: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('retell' as const),
      which: fc.nat(),
      text: fc.string({ maxLength: 30 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo' as const), which: fc.nat() }) },
)
/** Whose edit, and how far its clock goes on before: now and then it is set back. */
const step = fc.record({
  device: fc.nat(2),
  minutes: fc.oneof(
    { weight: 19, arbitrary: fc.nat(90) },
    { weight: 1, arbitrary: fc.integer({ min: -600, max: 0 }) },
  ),
  edit,
})
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Whose record is next: at the ends of what can happen, all of one device's before the next one's. */
function oneAfterTheOther(devices: readonly number[]): number[] {
  return devices.flatMap((device) => Array.from({ length: EDITS * 2 }, () => device))
}

const week = fc.record({
  /** No clock is before the policy's beginning: there nothing is permitted. */
  skewsMinutes: fc.tuple(fc.nat(6000), fc.nat(6000), fc.constant(3000)),
  before: fc.array(step, { minLength: 20, maxLength: 40 }),
  offline: fc.array(step, { minLength: EDITS, maxLength: EDITS }),
  orders: fc.tuple(
    fc.constant(oneAfterTheOther([0, 1, 2])),
    fc.constant(oneAfterTheOther([2, 1, 0])),
    fc.array(fc.nat(2), { minLength: EDITS * 2, maxLength: EDITS * 2 }),
    fc.shuffledSubarray([0, 1, 2], { minLength: 3 }).map(oneAfterTheOther),
  ),
})

/** PGlite, and PostgreSQL where it is there. */
let centres: readonly Database[]
let opened: Awaited<ReturnType<typeof openCentres>>
let vans: readonly SimulatedDevice[]
beforeAll(async () => {
  opened = await openCentres()
  ;({ centres } = opened)
  vans = await Promise.all(['van-1', 'van-2', 'van-3'].map(async (name) => await simulatedDevice(name)))
})
afterAll(async () => {
  for (const { at } of vans) await at.close()
  await opened.close()
})

it('three devices offline for a week come together to the same state in any order', async () => {
  await fc.assert(
    fc.asyncProperty(week, async ({ skewsMinutes, before, offline, orders }) => {
      const [centre] = centres
      if (centre === undefined) throw new Error('there is no centre')
      for (const one of centres) await fillCentre(one)
      for (const [index, device] of vans.entries()) {
        await device.reset()
        device.at.clock.advance((skewsMinutes[index] ?? 0) * 60_000)
        await device.pull(centre)
      }
      await live(vans, before)
      const first = await heardSoFar(vans)
      await carryAll(centre, vans, first, [])
      for (const device of vans) await device.pull(centre)
      await live(vans, offline)
      const rest = (await heardSoFar(vans)).map((all, index) => all.slice(first[index]?.length ?? 0))
      const states = await Promise.all(
        centres.map(async (one, index) => {
          const found: (readonly string[])[] = []
          for (const picks of orders.filter((_order, at) => at % centres.length === index)) {
            await fillCentre(one)
            await carryAll(one, vans, first, [])
            await carryAll(one, vans, rest, picks)
            found.push(await stateOf(one))
          }
          return found
        }),
      )
      for (const state of states.flat()) expect(state).toEqual(states[0]?.[0])
      expect(states.flat()).toHaveLength(orders.length)
      expect(states[0]?.[0]?.length).toBeGreaterThan(20)
      for (const device of vans) {
        await device.pull(centre)
        await expectSettled(centre, device)
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  process.stdout.write(`SEED=${SEED} RUNS=${RUNS} EDITS=${EDITS} CENTRES=${centres.length}\n`)
}, 240_000)

async function heardSoFar(devices: readonly SimulatedDevice[]): Promise<readonly (readonly WriteRecord[])[]> {
  return await Promise.all(devices.map(async (device) => await device.records()))
}

/** Each device in its own order, which its chain sees to; between devices as `picks` says, then the rest. */
async function carryAll(
  centre: Database,
  devices: readonly SimulatedDevice[],
  records: readonly (readonly WriteRecord[])[],
  picks: readonly number[],
): Promise<void> {
  const queues = records.map((list) => [...list])
  for (const pick of [...picks, ...queues.flatMap((queue, index) => queue.map(() => index))]) {
    const record = queues[pick]?.shift()
    const device = devices[pick]
    if (record === undefined || device === undefined) continue
    await carryUp(centre, device.id, record)
  }
}

async function live(devices: readonly SimulatedDevice[], steps: readonly Step[]): Promise<void> {
  const made = devices.map(() => ({ writes: [] as string[], notes: [] as string[] }))
  for (const { device: index, minutes, edit: wish } of steps) {
    const device = devices[index]
    const mine = made[index]
    if (device === undefined || mine === undefined) continue
    device.at.clock.advance(Math.min(minutes, MINUTES_OF_A_WEEK) * 60_000)
    try {
      if (wish.kind === 'change') mine.writes.push(await device.write(wish.table, wish.key, wish.patch))
      else if (wish.kind === 'create') await create(device, mine, wish.text)
      else if (wish.kind === 'retell') await retell(device, mine, wish)
      else await takeBack(device, mine, wish.which)
    } catch (thrown) {
      // Refused on the device, as it should be: taken back before, changed since, nothing to change.
      if (!(thrown instanceof StarlingError)) throw thrown
    }
  }
}

interface Made {
  readonly writes: string[]
  readonly notes: string[]
}

async function create(device: SimulatedDevice, mine: Made, text: string): Promise<void> {
  const writeId = await device.write('note', null, {
    workOrderId: 'wo-1',
    assetId: null,
    text,
    writtenAt: '2026-06-02T10:00:00.000Z',
    writtenBy: device.id,
    withdrawn: false,
  })
  mine.writes.push(writeId)
  const record = (await device.at.journal.find(writeId))?.body
  if (record?.kind === 'write') mine.notes.push(record.key)
}

async function retell(
  device: SimulatedDevice,
  mine: Made,
  { which, text }: { readonly which: number; readonly text: string },
): Promise<void> {
  const key = mine.notes[which % Math.max(1, mine.notes.length)]
  if (key !== undefined) mine.writes.push(await device.write('note', key, { text }))
}

async function takeBack(device: SimulatedDevice, mine: Made, which: number): Promise<void> {
  const id = mine.writes[which % Math.max(1, mine.writes.length)]
  if (id !== undefined) await device.undo(id)
}

/** Nothing lies over the copy any more, and the copy is the centre's rows. */
async function expectSettled(centre: Database, device: SimulatedDevice): Promise<void> {
  const left = await device.at.db.query(`select write_id from local.overlay`)
  expect(left).toEqual([])
  const rows = await centre.query(
    `select tbl, key, body from ops.row where device is null or device = $1 order by tbl, key`,
    [device.id],
  )
  const held = await device.at.db.query(
    `select tbl, key, body from context.current where not rejected or version > 0 order by tbl, key`,
  )
  expect(held).toEqual(rows)
}
