/**
 * A device's change of synced data, applied exactly once by its record id. Columns that nobody else changed since the
 * device saw the row are taken; a column that somebody else did change keeps the centre's value, and the whole write is kept
 * in `ops.conflict` for a person. Whatever comes of it goes back down as a row of `write_result`.
 */
import * as v from 'valibot'
import { DEVICE_WRITABLE, isContextTable, type ContextTable } from '../../shared/context/tables.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { JournalRecord, WriteBody } from '../../shared/journal/record.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { BadRow, findRow, putRow, type StoredRow } from './store.ts'

export type WriteOutcome =
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'conflict'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string }
  /** It was settled before; nothing was done. */
  | { readonly kind: 'duplicate' }

export interface Writer {
  readonly tenant: TenantId
  readonly site: SiteId
  readonly device: DeviceId
}

/** Applies a verified journal record whose body is a `write`. To be called in the transaction that stores the record. */
export async function applyWrite(
  tx: Transaction,
  writer: Writer,
  record: Pick<JournalRecord, 'id'> & { readonly body: WriteBody },
): Promise<WriteOutcome> {
  const { body } = record
  if ((await findRow(tx, writer.tenant, { table: 'write_result', key: record.id })) !== null)
    return { kind: 'duplicate' }
  const outcome = await attempt(tx, writer, record)
  await putRow(tx, {
    tenant: writer.tenant,
    table: 'write_result',
    key: record.id,
    body: {
      table: body.table,
      key: body.key.slice(0, 100) || '-',
      outcome: outcome.kind,
      reason: outcome.kind === 'applied' ? null : outcome.reason.slice(0, 200),
    },
    site: writer.site,
    device: writer.device,
    write: { id: record.id, origin: writer.device },
  })
  return outcome
}

async function attempt(
  tx: Transaction,
  writer: Writer,
  record: { readonly id: string; readonly body: WriteBody },
): Promise<Exclude<WriteOutcome, { kind: 'duplicate' }>> {
  const { table, key, baseVersion } = record.body
  if (!isContextTable(table) || !DEVICE_WRITABLE.has(table))
    return { kind: 'rejected', reason: `devices do not write ${table.slice(0, 40)}` }
  if (key.length < 1 || key.length > 100) return { kind: 'rejected', reason: 'its key is too long, or empty' }
  const patch = parsePatch(record.body.patch)
  if (patch === null) return { kind: 'rejected', reason: 'its patch is no JSON object' }
  const before = await findRow(tx, writer.tenant, { table, key })
  if (before !== null && !visible(before, writer))
    return { kind: 'rejected', reason: 'the row is outside the device’s scope' }
  const clash =
    before === null ? missingClash(baseVersion) : columnClash(before, patch, { baseVersion, writer })
  if (clash !== null) {
    await keepConflict(tx, {
      writer,
      record: { ...record, table },
      patch,
      found: before?.body ?? null,
      reason: clash,
    })
    return { kind: 'conflict', reason: clash }
  }
  try {
    const version = await putRow(tx, {
      tenant: writer.tenant,
      table,
      key,
      body: { ...before?.body, ...patch },
      site: before === null ? writer.site : (before.site as SiteId | null),
      device: before === null ? null : (before.device as DeviceId | null),
      write: { id: record.id, origin: writer.device },
    })
    return { kind: 'applied', version }
  } catch (thrown) {
    if (thrown instanceof BadRow) return { kind: 'rejected', reason: thrown.message }
    throw thrown
  }
}

/** Base version 0 says "new"; anything else means that the device saw a row that is gone. */
function missingClash(baseVersion: number): string | null {
  return baseVersion === 0 ? null : 'the row was deleted at the centre'
}

function columnClash(
  before: StoredRow,
  patch: JsonObject,
  seen: { readonly baseVersion: number; readonly writer: Writer },
): string | null {
  const clashing = Object.keys(patch).filter((column) => {
    const last = before.columns[column]
    // A device's own earlier writes are no conflict: it saw them, as its overlay.
    return last !== undefined && last.version > seen.baseVersion && last.by !== seen.writer.device
  })
  return clashing.length === 0 ? null : `changed elsewhere meanwhile: ${clashing.join(', ')}`
}

function visible(row: StoredRow, writer: Writer): boolean {
  return (
    (row.site === null || row.site === writer.site) && (row.device === null || row.device === writer.device)
  )
}

async function keepConflict(
  tx: Transaction,
  conflict: {
    readonly writer: Writer
    readonly record: { readonly id: string; readonly body: WriteBody; readonly table: ContextTable }
    readonly patch: JsonObject
    readonly found: JsonObject | null
    readonly reason: string
  },
): Promise<void> {
  const { writer, record, patch, found, reason } = conflict
  await tx.query(
    `insert into ops.conflict (write_id, tenant, device, tbl, key, base_version, patch, found, reason)
     values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, $9) on conflict (write_id) do nothing`,
    [
      record.id,
      writer.tenant,
      writer.device,
      record.table,
      record.body.key,
      record.body.baseVersion,
      JSON.stringify(patch),
      JSON.stringify(found),
      reason,
    ],
  )
}

const PatchSchema = v.record(v.pipe(v.string(), v.maxLength(60)), v.unknown())

function parsePatch(text: string): JsonObject | null {
  try {
    const parsed = v.safeParse(PatchSchema, JSON.parse(text))
    return parsed.success ? (parsed.output as Record<string, Json>) : null
  } catch {
    return null // A patch is outside input: one that is no JSON is rejected, and shown as such.
  }
}
