/**
 * The changes that have committed and that no log has yet, in commit order: whole transactions, ordered by the last number that each
 * drew. Neither the numbers nor the transaction ids alone are in that order; but whoever changed a row after another drew a later
 * number than all of the other's, because it had to wait for its end. A transaction that is still open is not seen, whatever its numbers.
 */
import type { Queryable } from '../../../shared/sql/port.ts'

/** Changes that are held in memory and told at a time. */
export const PAGE_ROWS = 5_000

export interface ChangeRow {
  readonly [name: string]: string | number | null
  readonly xid: string
  readonly rel: number
  readonly layout: string
  readonly op: string
  readonly before: string | null
  readonly after: string | null
}

/** What the triggers wrote at once: some rows of one statement. */
interface Entry {
  readonly [name: string]: string | number
  readonly seq: string
  readonly xid: string
  readonly count: number
}

export interface TransactionPart {
  readonly xid: bigint
  readonly rows: readonly ChangeRow[]
  /** The entries that it was read from. */
  readonly entries: readonly string[]
  /** The number of its first change within the transaction. */
  readonly firstPosition: number
  readonly isComplete: boolean
}

/** A transaction of more than a page, as far as it was told. */
export interface UnderWay {
  readonly xid: string
  readonly position: number
}

const ENTRY = 'seq::text, xid::text, count'

/** Nothing where there is nothing to tell. */
export async function readBatch(
  db: Queryable,
  underWay: UnderWay | null,
): Promise<readonly TransactionPart[]> {
  if (underWay !== null) return [await readPart(db, underWay)]
  const entries = await db.query<Entry>(
    `select ${ENTRY} from starling_shapes.change order by change.seq limit ${PAGE_ROWS + 1}`,
  )
  if (entries.length <= PAGE_ROWS && rowsIn(entries) <= PAGE_ROWS) return await readWhole(db, entries)
  const waiting = await db.query<{ readonly xid: string; readonly count: number }>(
    `select xid::text, sum(count)::int8 as count from starling_shapes.change group by change.xid order by max(seq) limit ${PAGE_ROWS}`,
  )
  const [first] = waiting
  if (first === undefined) return []
  if (first.count > PAGE_ROWS) return [await readPart(db, { xid: first.xid, position: 0 })]
  let total = 0
  const chosen = waiting.filter(({ count }) => (total += count) <= PAGE_ROWS).map(({ xid }) => xid)
  return await readWhole(
    db,
    await db.query<Entry>(
      `select ${ENTRY} from starling_shapes.change where xid = any($1::text[]::xid8[]) order by change.seq`,
      [chosen],
    ),
  )
}

function rowsIn(entries: readonly Entry[]): number {
  return entries.reduce((sum, { count }) => sum + count, 0)
}

async function readPart(db: Queryable, { xid, position }: UnderWay): Promise<TransactionPart> {
  const waiting = await db.query<Entry>(
    `select ${ENTRY} from starling_shapes.change where xid = $1::text::xid8 order by change.seq limit ${PAGE_ROWS}`,
    [xid],
  )
  let total = 0
  // An entry alone holds less than a page.
  const taken = waiting.filter(({ count }) => (total += count) <= PAGE_ROWS)
  const isComplete = waiting.length < PAGE_ROWS && taken.length === waiting.length
  const entries = taken.map(({ seq }) => seq)
  return { xid: BigInt(xid), rows: await readRows(db, entries), entries, firstPosition: position, isComplete }
}

/** The entries' transactions, whole, in commit order. */
async function readWhole(db: Queryable, entries: readonly Entry[]): Promise<readonly TransactionPart[]> {
  if (entries.length === 0) return []
  const byTransaction = new Map<string, string[]>()
  for (const { xid, seq } of entries) {
    const found = byTransaction.get(xid) ?? []
    found.push(seq)
    // The one whose latest change is the latest comes last.
    byTransaction.delete(xid)
    byTransaction.set(xid, found)
  }
  const rows = new Map<string, ChangeRow[]>()
  for (const row of await readRows(
    db,
    entries.map(({ seq }) => seq),
  )) {
    const own = rows.get(row.xid)
    if (own === undefined) rows.set(row.xid, [row])
    else own.push(row)
  }
  return [...byTransaction].map(([xid, own]) => ({
    xid: BigInt(xid),
    rows: rows.get(xid) ?? [],
    entries: own,
    firstPosition: 0,
    isComplete: true,
  }))
}

async function readRows(db: Queryable, entries: readonly string[]): Promise<readonly ChangeRow[]> {
  return await db.query<ChangeRow>(
    `select c.xid::text, c.rel::int8 as rel, c.layout, c.op::text as op, r.before, r.after
     from starling_shapes.change c
     left join lateral unnest(c.before, c.after) with ordinality as r(before, after, n) on true
     where c.seq = any($1::text[]::int8[]) order by c.seq, r.n`,
    [[...entries]],
  )
}

export async function removeBatch(db: Queryable, parts: readonly TransactionPart[]): Promise<void> {
  await db.query('delete from starling_shapes.change where seq = any($1::text[]::int8[])', [
    parts.flatMap(({ entries }) => entries),
  ])
}
