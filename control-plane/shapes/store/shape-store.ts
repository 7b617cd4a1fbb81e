/** Shapes and their logs in the database: what is read to serve them, and what is written while they are followed. */
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import type { LogEntry } from '../capture/tell.ts'
import { closeMessage } from '../protocol/change-messages.ts'
import type { LogOffset } from '../protocol/offset.ts'

export async function writeEntries(db: Queryable, entries: readonly LogEntry[]): Promise<void> {
  if (entries.length === 0) return
  await db.query(
    `insert into starling_shapes.log (handle, tx, position, xid, is_last, ends_chunk, body)
     select * from unnest($1::text[], $2::int8[], $3::int8[], $4::text[], $5::bool[], $6::bool[], $7::text[])`,
    [
      entries.map(({ shape }) => shape.handle),
      entries.map(({ tx }) => tx),
      entries.map(({ position }) => position),
      entries.map(({ xid }) => String(xid)),
      entries.map(({ isLast }) => isLast),
      entries.map(({ endsChunk }) => endsChunk),
      entries.map(({ body }) => body),
    ],
  )
}

/** The last entry of each shape in a transaction that was told in parts. */
export async function markLast(db: Queryable, tx: number): Promise<void> {
  await db.query(
    `update starling_shapes.log l set is_last = true
     from (select handle, max(position) as position from starling_shapes.log where tx = $1::int8 group by handle) m
     where l.handle = m.handle and l.tx = $1::int8 and l.position = m.position and not l.is_last`,
    [tx],
  )
}

export async function deleteShapes(db: Queryable, handles: readonly string[]): Promise<void> {
  if (handles.length === 0) return
  for (const table of ['shape', 'chunk', 'log'])
    await db.query(`delete from starling_shapes.${table} where handle = any($1::text[])`, [[...handles]])
}

export interface LogPart {
  readonly messages: readonly string[]
  /** Of the last message; null where there is none. */
  readonly end: LogOffset | null
}

/** What follows `after`, up to the next end of a chunk or to `end`. */
export async function readLog(
  db: Database,
  handle: string,
  after: LogOffset,
  end: LogOffset,
): Promise<LogPart> {
  const rows = await db.query<{
    readonly tx: number
    readonly position: number
    readonly is_last: boolean
    readonly body: string
  }>(
    `with following as (
       select * from starling_shapes.log
       where handle = $1::text and (tx, position) > ($2::int8, $3::int8) and (tx, position) <= ($4::int8, $5::int8)
     ), stop as (
       select tx, position from following where ends_chunk order by tx, position limit 1
     )
     select f.tx, f.position, f.is_last, f.body from following f
     where not exists (select from stop) or (f.tx, f.position) <= (select tx, position from stop)
     order by f.tx, f.position`,
    [handle, ...placeOf(after), ...placeOf(end)],
  )
  const last = rows.at(-1)
  return {
    messages: rows.map(({ body, is_last }) => closeMessage(body, is_last)),
    end: last === undefined ? null : { tx: last.tx, position: last.position },
  }
}

/** The largest place of a transaction stands for `0_inf`: transaction 0 has no entries in a log. */
function placeOf({ tx, position }: LogOffset): [number, number] {
  return [tx, position === Infinity ? Number.MAX_SAFE_INTEGER : position]
}

/** Chunk `n` of a shape's snapshot, the messages joined by commas; null where there is none. */
export async function readChunk(db: Database, handle: string, n: number): Promise<string | null> {
  const [row] = await db.query<{ readonly body: string }>(
    'select body from starling_shapes.chunk where handle = $1::text and n = $2::int4',
    [handle, n],
  )
  return row?.body ?? null
}
