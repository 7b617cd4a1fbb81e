/** W8 of edge-agent/context/SPEC.md: a death at any step loses nothing that was acknowledged, and applies nothing twice. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { applyWrite } from '../../../control-plane/context/apply-write.ts'
import { processBatch } from '../../../control-plane/ingest/batch.ts'
import { openLocalWrites } from '../../../edge-agent/context/local-writes.ts'
import { parseDeviceId, uuidV7 } from '../../../shared/ids.ts'
import { openJournal } from '../../../shared/journal/journal.ts'
import { createKernel } from '../../../shared/kernel/kernel.ts'
import { openMetrics } from '../../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { encodeSegment } from '../../../shared/wire/segment.ts'
import { subjects } from '../../../shared/wire/subjects.ts'
import { mortalDatabase } from '../../support/mortal-database.ts'
import { bringTo } from './bring.ts'
import { NOTE } from './pair.ts'
import { fillCentre, openCentres, simulatedDevice, site, tenant, type SimulatedDevice } from './stage.ts'

/** Every so manieth step, so that the suite stays quick; STRIDE=1 meets each. */
const STRIDE = Number(process.env['STRIDE'] ?? 4)
const id = parseDeviceId('van-1')
const signer = generateKeyPair()
let opened: Awaited<ReturnType<typeof openCentres>>
let van: SimulatedDevice
beforeAll(async () => {
  opened = await openCentres()
  van = await simulatedDevice(id)
})
afterAll(async () => {
  await van.at.close()
  await opened.close()
})
beforeEach(async () => await van.reset())

/** What the device has told its technician. */
interface Told {
  readonly writes: string[]
}

/** The device's process, from its start on: what it still has to write, up to the centre, and down again. */
async function life(deviceDb: Database, centre: Database, told: Told): Promise<void> {
  const { clock, key } = van.at
  const journal = await openJournal({ db: deviceDb, origin: id, key, clock })
  const document = fieldServicePolicy({ environment: 'development', version: 1, nowMs: clock.nowMs() })
  const trust = { keys: [signer.publicKey], environment: 'development' as const, held: null }
  const policy = openPolicy(signPolicy(document, [signer]), trust)
  const kernel = await createKernel({
    db: deviceDb,
    journal,
    policy: () => policy,
    clock,
    metrics: openMetrics(),
  })
  const writes = openLocalWrites({ journal, clock })
  await bringTo({ db: deviceDb, kernel, clock }, centre, { tenant, site, device: id })
  const of = (): string => uuidV7(clock.nowMs(), randomBytes(10))
  while (told.writes.length < 3) {
    const isNote = told.writes.length === 1
    const writeId = await journal.transaction(async (tx) => {
      const effect = of()
      return isNote
        ? await writes.record(tx, effect, { table: 'note', key: effect, patch: NOTE })
        : await writes.record(tx, effect, { table: 'part', key: 'seal-9', patch: { stock: -1 } })
    })
    told.writes.push(writeId)
  }
  while ((await journal.sealNext()) !== null);
  const runs = await journal.sealedRuns(0, 100)
  const batch = runs.map((run, index) => ({
    seq: index + 1,
    device: id,
    subject: subjects.up(tenant, id),
    bytes: encodeSegment({ v: 1, seal: run.seal, records: [...run.records], gapRun: null }),
  }))
  const known = new Map([[id, { device: id, site, key: key.publicKey }]])
  const work = { tenant, batch, known, created: 'now', hopeless: new Set<number>(), applyWrite }
  await centre.transaction(async (tx) => await processBatch(tx, work))
  await journal.pruneShipped((await journal.head()).seq)
  await bringTo({ db: deviceDb, kernel, clock }, centre, { tenant, site, device: id })
}

async function expectWhole(centre: Database, told: Told): Promise<void> {
  const records = await van.records()
  expect(told.writes.filter((writeId) => !records.some((record) => record.id === writeId))).toEqual([])
  const differences = records.filter(({ body }) => body.table === 'part').length
  const [part] = await centre.query<{ body: JsonObject }>(`select body from ops.row where key = 'seal-9'`)
  expect(part?.body['stock']).toBe(40 - differences)
  expect(await van.seen('part', 'seal-9')).toMatchObject({
    body: { stock: 40 - differences },
    pending: false,
  })
  const [count] = await centre.query<{ notes: number; results: number; records: number }>(
    `select count(*) filter (where tbl = 'note') as notes, count(*) filter (where tbl = 'write_result') as results,
       (select count(*) from ingest.record where kind = 'write') as records from ops.row`,
  )
  expect(count).toEqual({
    notes: records.length - differences,
    results: records.length,
    records: records.length,
  })
  expect(await van.at.db.query('select 1 from local.overlay')).toEqual([])
}

async function begin(centre: Database): Promise<void> {
  await fillCentre(centre)
  await centre.script('truncate ingest.device, ingest.seal, ingest.gap, ingest.cursor, ingest.quarantine')
  await van.reset()
}

it.each([
  ['the device', 0],
  ['the centre', 0],
  ['the centre over PostgreSQL', 1],
] as const)(
  '%s dies, step after step',
  async (who, which) => {
    const centre = opened.centres[which]
    if (centre === undefined) return // No PostgreSQL here: openCentres said so.
    let deaths = 0
    for (let dieAt = 1; ; dieAt += STRIDE) {
      await begin(centre)
      const told: Told = { writes: [] }
      const mortal = mortalDatabase(who === 'the device' ? van.at.db : centre, dieAt)
      try {
        await (who === 'the device' ? life(mortal.db, centre, told) : life(van.at.db, mortal.db, told))
        expect(mortal.steps()).toBeLessThan(dieAt)
        break
      } catch (thrown) {
        if (mortal.steps() < dieAt) throw thrown
        deaths += 1
      }
      await life(van.at.db, centre, told)
      await expectWhole(centre, told)
    }
    expect(deaths).toBeGreaterThan(40 / STRIDE)
  },
  240_000,
)
