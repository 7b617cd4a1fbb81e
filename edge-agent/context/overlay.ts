/**
 * A local change of synced data: visible at once, through the overlay, and gone from there when the centre says what
 * became of it. The overlay and the journal's `write` record commit in the caller's one transaction.
 */
import * as v from 'valibot'
import { DEVICE_WRITABLE, ROW_SCHEMAS, type ContextTable, type RowOf } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import { describeIssues } from '../../shared/wire/answer.ts'

export class BadLocalWrite extends StarlingError {
  override readonly code = 'bad_local_write'
}

export interface LocalWrite<T extends ContextTable = ContextTable> {
  readonly table: T
  readonly key: string
  /** The columns that change; for a new row, all of them. */
  readonly patch: Partial<RowOf<T>>
}

/** The parts of the journal's `write` body that follow from a local write. */
export interface WriteFacts {
  readonly table: string
  readonly key: string
  readonly patch: JsonObject
  readonly baseVersion: number
}

/**
 * Checks a local write against its table's schema and names the version that it builds on. Throws {@link BadLocalWrite}
 * when the row would break its schema: such a write would only come back rejected, hours later.
 */
export async function prepareWrite<T extends ContextTable>(
  sql: Queryable,
  write: LocalWrite<T>,
): Promise<WriteFacts> {
  const { table, key } = write
  if (!DEVICE_WRITABLE.has(table)) throw bad(table, 'devices do not write it')
  if (key.length < 1 || key.length > 100) throw bad(table, 'a key has 1 to 100 characters')
  const [now] = await sql.query<{ version: number; body: JsonObject }>(
    'select version, body from context.current where tbl = $1 and key = $2',
    [table, key],
  )
  const patch = JSON.parse(JSON.stringify(write.patch)) as JsonObject
  const parsed = v.safeParse(ROW_SCHEMAS[table], { ...now?.body, ...patch })
  if (!parsed.success) throw bad(table, describeIssues(parsed.issues))
  return { table, key, patch, baseVersion: now?.version ?? 0 }
}

/** Lays a prepared write over the copy. `writeId` is the id of the journal's `write` record in the same transaction. */
export async function layOverlay(tx: Transaction, writeId: string, facts: WriteFacts): Promise<void> {
  await tx.query(
    'insert into local.overlay (write_id, tbl, key, patch, base_version) values ($1, $2, $3, $4::text::jsonb, $5)',
    [writeId, facts.table, facts.key, JSON.stringify(facts.patch), facts.baseVersion],
  )
}

function bad(table: string, why: string): BadLocalWrite {
  return new BadLocalWrite(`a change of ${table} was refused: ${why}`, {
    remedy: 'Send the columns of the table, each of its type.',
  })
}
