/**
 * A local change of synced data, made ready: checked by the same rules as at the centre, with what it saw and what it
 * stands on. It is visible at once, through the overlay, and gone from there when the centre's answer is in the copy.
 */
import { checkPatch, isStorable, type WriteIntent } from '../../shared/context/write-intent.ts'
import { fieldOf, writeRules } from '../../shared/context/write-rules.ts'
import type { ContextTable, RowOf } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'

export class BadLocalWrite extends StarlingError {
  override readonly code = 'bad_local_write'
}

export interface LocalWrite<T extends ContextTable = ContextTable> {
  readonly table: T
  readonly key: string
  /** The columns that change; for a new row, all of them. Of a counter the difference, of a list the items to add. */
  readonly patch: Partial<RowOf<T>>
}

/** What is known of a row here: as it is in the copy, and the writes of this device that lie over it. */
interface Standing {
  readonly synced: { readonly version: number; readonly body: JsonObject } | null
  readonly current: JsonObject
  readonly pending: readonly PendingWrite[]
}

type PendingWrite = { readonly write_id: string; readonly stamp_ms: number; readonly patch: JsonObject }

/**
 * Makes an intent of a local write. Throws {@link BadLocalWrite} when the centre would only reject it, hours later. `undoes`
 * is the write that it takes back.
 */
export async function prepareWrite(
  tx: Transaction,
  write: { readonly table: ContextTable; readonly key: string; readonly patch: JsonObject },
  when: { readonly nowMs: number; readonly undoes: string | null },
): Promise<WriteIntent> {
  const { table, key } = write
  if (writeRules(table) === undefined) throw bad(table, 'devices do not write it')
  if (key.length < 1 || key.length > 100) throw bad(table, 'a key has 1 to 100 characters')
  const row = await standingOf(tx, table, key)
  const isNew = row.synced === null && row.pending.length === 0
  if (isNew) await refuseQuarantined(tx, table, key)
  const patch = isNew ? write.patch : wholeFields(table, write.patch, row.current)
  if (!isStorable(patch)) throw bad(table, 'it has characters or numbers that cannot be stored')
  const checked = checkPatch(table, patch, isNew)
  if (checked.kind === 'refused') throw bad(table, checked.reason)
  const stampMs = await nextStamp(tx, when.nowMs)
  const columns = new Set(Object.keys(patch))
  const touching = row.pending.filter((one) => Object.keys(one.patch).some((column) => columns.has(column)))
  const last = row.pending.at(-1)
  // A row that only this device knows of is seen as it was made.
  const seen = row.synced?.body ?? row.pending[0]?.patch ?? {}
  return {
    table,
    key,
    patch,
    base: Object.fromEntries([...columns].map((column) => [column, seen[column] ?? null])),
    baseVersion: row.synced?.version ?? 0,
    stampMs,
    sinceMs: Math.min(stampMs, ...touching.map((one) => one.stamp_ms)),
    dependsOn: last === undefined ? [] : [last.write_id],
    undoes: when.undoes,
  }
}

/** Lays an intent over the copy. `writeId` is the id of the journal's `write` record in the same transaction. */
export async function layOverlay(
  tx: Transaction,
  ids: { readonly writeId: string; readonly of: string },
  intent: WriteIntent,
): Promise<void> {
  const { sets, adds, lists } = byOperation(intent)
  const isUndo = intent.undoes !== null
  // An addition that is still on its way is taken back where it lies; one in the copy is hidden from there.
  if (isUndo) await tx.query(`update local.overlay set appends = '{}' where write_id = $1`, [intent.undoes])
  await tx.query(
    `insert into local.overlay
       (write_id, of, tbl, key, patch, base_version, sets, adds, appends, removes, depends_on, stamp_ms, undoes)
     values ($1, $2, $3, $4, $5::text::jsonb, $6, $7::text::jsonb, $8::text::jsonb, $9::text::jsonb, $10::text::jsonb,
       $11::text[], $12, $13)`,
    [
      ids.writeId,
      ids.of,
      intent.table,
      intent.key,
      JSON.stringify(intent.patch),
      intent.baseVersion,
      JSON.stringify(sets),
      JSON.stringify(adds),
      JSON.stringify(isUndo ? {} : lists),
      JSON.stringify(isUndo ? lists : {}),
      [...intent.dependsOn],
      intent.stampMs,
      intent.undoes,
    ],
  )
}

async function standingOf(sql: Queryable, table: ContextTable, key: string): Promise<Standing> {
  const [synced] = await sql.query<{ version: number; body: JsonObject }>(
    'select version, body from context.row where tbl = $1 and key = $2',
    [table, key],
  )
  const pending = await sql.query<PendingWrite>(
    'select write_id, stamp_ms, patch from local.overlay where tbl = $1 and key = $2 order by seq',
    [table, key],
  )
  const [now] = await sql.query<{ body: JsonObject }>(
    'select body from context.current where tbl = $1 and key = $2',
    [table, key],
  )
  return { synced: synced ?? null, current: now?.body ?? {}, pending }
}

/** Columns that only make sense together travel together. */
function wholeFields(table: ContextTable, patch: JsonObject, current: JsonObject): JsonObject {
  const whole: Record<string, Json> = { ...patch }
  for (const column of Object.keys(patch))
    for (const other of fieldOf(table, column)?.columns ?? [])
      if (whole[other] === undefined) whole[other] = current[other] ?? null
  return whole
}

async function refuseQuarantined(sql: Queryable, table: ContextTable, key: string): Promise<void> {
  const found = await sql.query('select 1 from local.quarantine where tbl = $1 and key = $2 limit 1', [
    table,
    key,
  ])
  if (found.length === 0) return
  throw new BadLocalWrite(`this ${table.replaceAll('_', ' ')} was rejected by the centre`, {
    remedy: 'Send it again or discard it first: `starling context conflicts` lists it.',
  })
}

/** The device's clock, which may be set back, made one that never steps back. */
async function nextStamp(tx: Transaction, nowMs: number): Promise<number> {
  const [row] = await tx.query<{ ms: number }>(
    `insert into local.stamp (ms) values ($1)
     on conflict (only_one) do update set ms = greatest(local.stamp.ms, excluded.ms) returning ms`,
    [nowMs],
  )
  return row?.ms ?? nowMs
}

function byOperation({ table, patch }: WriteIntent): Record<'sets' | 'adds' | 'lists', JsonObject> {
  const parts: Record<'sets' | 'adds' | 'lists', Record<string, Json>> = { sets: {}, adds: {}, lists: {} }
  for (const [column, value] of Object.entries(patch)) {
    const policy = fieldOf(table as ContextTable, column)?.policy
    const part = policy === 'counter' ? 'adds' : policy === 'append' ? 'lists' : 'sets'
    parts[part][column] = value
  }
  return parts
}

function bad(table: string, why: string): BadLocalWrite {
  return new BadLocalWrite(`a change of ${table} was refused: ${why}`, {
    remedy: 'Send the columns of the table, each of its type.',
  })
}
