/** How a local write is taken back: by an inverse write, against what the write itself made. */
import { isContextTable, type ContextTable } from '../../shared/context/tables.ts'
import { intentOf, type WriteIntent } from '../../shared/context/write-intent.ts'
import { fieldOf, writeRules } from '../../shared/context/write-rules.ts'
import { StarlingError } from '../../shared/errors.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import { canonicalText } from '../../shared/canonical.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'

/** Somebody else, or a later write of this device, changed what the write had made. */
export class ChangedSince extends StarlingError {
  override readonly code = 'changed_since'
}

export class NotUndoable extends StarlingError {
  override readonly code = 'not_undoable'
}

/** Pending writes of one row that build on each other; beyond it the oldest base is taken. */
const MAX_CHAIN = 500
/** Remembered as taken back; older ones are refused because their values are no longer there. */
const KEPT_UNDONE = 1_000

interface Inverse {
  readonly table: ContextTable
  readonly key: string
  readonly patch: JsonObject
}

/** Throws {@link ChangedSince}, {@link NotUndoable}. */
export async function inverseOf(tx: Transaction, writeId: string): Promise<Inverse> {
  const intent = await readIntent(tx, writeId)
  if (intent === null || !isContextTable(intent.table))
    throw notUndoable('this device made no such change', 'See `starling context conflicts`.')
  const [set] = await tx.query<{ kind: string }>(
    `select 'rejected' as kind from local.quarantine where write_id = $1
     union all select 'undone' from local.undone where write_id = $1 limit 1`,
    [writeId],
  )
  if (set?.kind === 'rejected')
    throw notUndoable(
      'the centre rejected that change',
      'Discard it: `starling context conflicts discard ID`.',
    )
  if (set !== undefined) throw notUndoable('that change was taken back already', 'Nothing needs to be done.')
  const { table, key } = intent
  const patch = isCreation(intent)
    ? (writeRules(table)?.undoCreate ?? {})
    : await inversePatch(tx, table, { writeId, intent })
  if (Object.keys(patch).length === 0)
    throw notUndoable('that change changed nothing', 'Nothing needs to be done.')
  await refuseChanged(tx, { table, key, patch }, intent)
  return { table, key, patch }
}

export async function markUndone(tx: Transaction, writeId: string): Promise<void> {
  await tx.query('insert into local.undone (write_id) values ($1) on conflict do nothing', [writeId])
  // Ids begin with the time: the greatest are the newest.
  await tx.query(
    'delete from local.undone where write_id in (select write_id from local.undone order by write_id desc offset $1)',
    [KEPT_UNDONE],
  )
}

async function inversePatch(
  sql: Queryable,
  table: ContextTable,
  write: { readonly writeId: string; readonly intent: WriteIntent },
): Promise<JsonObject> {
  const inverse: Record<string, Json> = {}
  for (const [column, value] of Object.entries(write.intent.patch)) {
    const policy = fieldOf(table, column)?.policy
    if (policy === 'counter') inverse[column] = -Number(value)
    else if (policy === 'append') {
      const held = new Set(listIn(write.intent.base, column).map(canonicalText))
      const added = listIn(write.intent.patch, column).filter((item) => !held.has(canonicalText(item)))
      if (added.length > 0) inverse[column] = added
    } else inverse[column] = await valueBefore(sql, write.intent, column)
  }
  return inverse
}

/** A column as it was before a write: as the pending write before it had set it, else as the copy had it. */
async function valueBefore(sql: Queryable, intent: WriteIntent, column: string): Promise<Json> {
  let at = intent
  for (let steps = 0; steps < MAX_CHAIN; steps += 1) {
    const [before] = at.dependsOn
    const earlier = before === undefined ? null : await readIntent(sql, before)
    if (earlier === null) break
    const set = earlier.patch[column]
    if (set !== undefined) return set
    at = earlier
  }
  return intent.base[column] ?? null
}

/** What the write set must still be there; differences and additions can be taken back whatever came after. */
async function refuseChanged(sql: Queryable, inverse: Inverse, { patch }: WriteIntent): Promise<void> {
  const { table, key } = inverse
  const [now] = await sql.query<{ body: JsonObject }>(
    'select body from context.current where tbl = $1 and key = $2',
    [table, key],
  )
  const changed = Object.keys(inverse.patch).filter((column) => {
    const policy = fieldOf(table, column)?.policy
    if (policy === 'counter' || policy === 'append') return false
    return canonicalText(now?.body[column] ?? null) !== canonicalText(patch[column] ?? null)
  })
  if (changed.length === 0) return
  throw new ChangedSince(`${changed.join(' and ')} of it was changed since`, {
    remedy: 'Look at it as it is now, and change that.',
    details: { table, key, changed },
  })
}

function isCreation({ baseVersion, dependsOn }: WriteIntent): boolean {
  return baseVersion === 0 && dependsOn.length === 0
}

async function readIntent(sql: Queryable, writeId: string): Promise<WriteIntent | null> {
  const [found] = await sql.query<{ text: string }>(
    `select text from journal.record where id = $1 and kind = 'write'`,
    [writeId],
  )
  if (found === undefined) return null
  const { id, body } = parseRecord(found.text)
  return body.kind === 'write' ? intentOf({ id, body }) : null
}

function listIn(values: JsonObject, column: string): readonly Json[] {
  const list = values[column]
  return Array.isArray(list) ? (list as readonly Json[]) : []
}

function notUndoable(why: string, remedy: string): NotUndoable {
  return new NotUndoable(`it was not taken back: ${why}`, { remedy })
}
