/** A centre and devices around one set of rows, without a network: their journals are carried over by hand, in any order. */
import { randomBytes } from 'node:crypto'
import { applyWrite, type WriteOutcome } from '../../../control-plane/context/apply-write.ts'
import { OPS_SCHEMA } from '../../../control-plane/context/schema.ts'
import { putRow } from '../../../control-plane/context/store.ts'
import { INGEST_SCHEMA } from '../../../control-plane/ingest/schema.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { openLocalWrites, type LocalWrites } from '../../../edge-agent/context/local-writes.ts'
import { bringTo } from './bring.ts'
import type { ContextTable } from '../../../shared/context/tables.ts'
import { parseDeviceId, parseSiteId, parseTenantId, uuidV7, type DeviceId } from '../../../shared/ids.ts'
import type { JournalRecord, WriteBody } from '../../../shared/journal/record.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { Closers } from '../../../shared/closers.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { openPostgres } from '../../../shared/sql/postgres-database.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { postgresPrograms, startPostgres } from '../../support/postgres.ts'
import { governed, type Governed } from '../../support/governed.ts'

export const tenant = parseTenantId('acme')
export const site = parseSiteId('north')

export type WriteRecord = JournalRecord & { readonly body: WriteBody }

export interface SimulatedDevice {
  readonly id: DeviceId
  readonly at: Governed
  readonly writes: LocalWrites
  /** Makes a local change as an effect of its own; returns the write's id. */
  write(table: ContextTable, key: string | null, patch: JsonObject): Promise<string>
  undo(writeId: string): Promise<string>
  /** Its write records after the `from`th, in the order of its journal. */
  records(): Promise<readonly WriteRecord[]>
  pull(centre: Database): Promise<void>
  /** As new: nothing held, nothing written. */
  reset(): Promise<void>
  /** The row as readers see it. */
  seen(
    table: ContextTable,
    key: string,
  ): Promise<{ body: JsonObject; pending: boolean; rejected: boolean } | null>
}

export async function simulatedDevice(name: string): Promise<SimulatedDevice> {
  const id = parseDeviceId(name)
  const at = await governed({ origin: name })
  await migrate(at.db)
  const writes = openLocalWrites(at)
  const effect = (): string => uuidV7(at.clock.nowMs(), randomBytes(10))
  return {
    id,
    at,
    writes,
    write: async (table, key, patch) => {
      const of = effect()
      return await at.journal.transaction(
        async (tx) => await writes.record<ContextTable>(tx, of, { table, key: key ?? of, patch }),
      )
    },
    undo: async (writeId) =>
      await at.journal.transaction(async (tx) => await writes.undo(tx, effect(), writeId)),
    records: async () => {
      const all = await at.journal.read({ from: 1, limit: 100_000 })
      return all.filter((record): record is WriteRecord => record.body.kind === 'write')
    },
    pull: async (centre) => await bringTo(at, centre, { tenant, site, device: id }),
    reset: async () => {
      await at.db
        .script(`truncate context.row, context.position, context.shape, local.overlay, local.quarantine, local.quarantine_dropped,
        local.stamp, local.undone, journal.record, journal.payload, journal.outbox, journal.seal, journal.open_intent`)
    },
    seen: async (table, key) => {
      const [row] = await at.db.query<{ body: JsonObject; pending: boolean; rejected: boolean }>(
        'select body, pending, rejected from context.current where tbl = $1 and key = $2',
        [table, key],
      )
      return row ?? null
    },
  }
}

/** One over PGlite, and one over PostgreSQL where that is there. */
export async function openCentres(): Promise<{
  readonly centres: readonly Database[]
  close(): Promise<void>
}> {
  const closers = new Closers()
  const folder = await dataFolder('centre')
  closers.add(async () => await folder.remove())
  const centres: Database[] = [await openDatabase({ dir: folder.path })]
  const bin = await postgresPrograms()
  if (bin !== null) {
    const server = await startPostgres(bin)
    closers.add(async () => await server.stop())
    centres.push(await openPostgres({ url: server.url, name: 'centre' }))
  }
  for (const db of centres) {
    closers.add(async () => await db.close())
    await makeTables(db)
  }
  return { centres, close: async () => await closers.close() }
}

export async function makeTables(centre: Database): Promise<void> {
  await centre.script(OPS_SCHEMA)
  await centre.script(INGEST_SCHEMA)
}

/** Empties the centre and fills it again; the same rows get the same versions, so that devices' bases still mean something. */
export async function fillCentre(db: Database): Promise<void> {
  await db.script('truncate ops.row, ops.field, ingest.record; alter sequence ops.version restart;')
  for (const [table, key, body] of ROWS) await putCentre(db, table, key, body)
}

/** A change that the centre makes itself, where no device has claimed anything yet. */
export async function putCentre(
  db: Database,
  table: ContextTable,
  key: string,
  body: JsonObject,
): Promise<void> {
  await db.transaction(
    async (tx) =>
      await putRow(tx, { tenant, table, key, body: { ...body }, site: null, device: null, write: null }),
  )
}

export async function carryUp(db: Database, device: DeviceId, record: WriteRecord): Promise<WriteOutcome> {
  return await db.transaction(async (tx) => await applyWrite(tx, { tenant, site, device }, record))
}

/** Everything that a person could see of the centre's data, as far as it does not depend on when it was told. */
export async function stateOf(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ tbl: string; key: string; body: JsonObject }>(
    `select tbl, key, case when tbl = 'write_result' then body - 'rowVersion' else body end as body
     from ops.row order by tbl, key`,
  )
  return rows.map(({ tbl, key, body }) => `${tbl} ${key} ${JSON.stringify(body)}`)
}

export const WORK_ORDER = {
  number: '427',
  title: 'Replace the seal',
  assetId: 'pump-1',
  status: 'open',
  priority: 'normal',
  assigneeId: null,
  procedureId: null,
  description: 'Drips at the shaft.',
  openedAt: '2026-05-30T08:00:00.000Z',
  closedAt: null,
}

const ROWS: readonly (readonly [ContextTable, string, JsonObject])[] = [
  [
    'asset',
    'pump-1',
    { name: 'Feed pump', tag: 'P-1', kind: 'pump', location: 'Hall 2', aliases: ['the old one'] },
  ],
  ['part', 'seal-9', { number: '9', name: 'Shaft seal', unit: 'piece', stock: 40, aliases: [] }],
  ['work_order', 'wo-1', WORK_ORDER],
  ['work_order', 'wo-2', { ...WORK_ORDER, number: '428', priority: 'high' }],
  ['work_order', 'wo-3', { ...WORK_ORDER, number: '429', status: 'on_hold' }],
]
