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
  readonly seq: string
  readonly xid: string
  readonly rel: number
  readonly layout: string
  readonly op: string
  readonly before: string | null
  readonly after: string | null
}

export interface TransactionPart {
  readonly xid: bigint
  readonly rows: readonly ChangeRow[]
  /** The number of its first change within the transaction. */
  readonly firstPosition: number
  readonly isComplete: boolean
}

/** A transaction of more than a page, as far as it was told. */
export interface UnderWay {
  readonly xid: string
  readonly position: number
}

const COLUMNS = 'seq::text, xid::text, rel::int8 as rel, layout, op::text as op, before, after'

/** Nothing where there is nothing to tell. */
export async function readBatch(
  db: Queryable,
  underWay: UnderWay | null,
): Promise<readonly TransactionPart[]> {
  if (underWay !== null) return [await readPart(db, underWay)]
  const rows = await db.query<ChangeRow>(
    `select ${COLUMNS} from starling_shapes.change order by change.seq limit ${PAGE_ROWS + 1}`,
  )
  if (rows.length <= PAGE_ROWS) return wholeTransactions(rows)
  const waiting = await db.query<{ readonly xid: string; readonly count: number }>(
    `select xid::text, count(*)::int4 as count from starling_shapes.change group by change.xid order by max(seq) limit ${PAGE_ROWS}`,
  )
  const [first] = waiting
  if (first === undefined) return []
  if (first.count > PAGE_ROWS) return [await readPart(db, { xid: first.xid, position: 0 })]
  let total = 0
  const chosen = waiting.filter(({ count }) => (total += count) <= PAGE_ROWS).map(({ xid }) => xid)
  return wholeTransactions(
    await db.query<ChangeRow>(
      `select ${COLUMNS} from starling_shapes.change where xid = any($1::text[]::xid8[]) order by change.seq`,
      [chosen],
    ),
  )
}

async function readPart(db: Queryable, { xid, position }: UnderWay): Promise<TransactionPart> {
  const rows = await db.query<ChangeRow>(
    `select ${COLUMNS} from starling_shapes.change where xid = $1::text::xid8 order by change.seq limit ${PAGE_ROWS}`,
    [xid],
  )
  return { xid: BigInt(xid), rows, firstPosition: position, isComplete: rows.length < PAGE_ROWS }
}

function wholeTransactions(rows: readonly ChangeRow[]): readonly TransactionPart[] {
  const byTransaction = new Map<string, ChangeRow[]>()
  for (const row of rows) {
    const found = byTransaction.get(row.xid)
    // The one whose latest change is the latest comes last.
    byTransaction.delete(row.xid)
    if (found === undefined) byTransaction.set(row.xid, [row])
    else {
      found.push(row)
      byTransaction.set(row.xid, found)
    }
  }
  return [...byTransaction].map(([xid, own]) => ({
    xid: BigInt(xid),
    rows: own,
    firstPosition: 0,
    isComplete: true,
  }))
}

export async function removeBatch(db: Queryable, parts: readonly TransactionPart[]): Promise<void> {
  const numbers = parts.flatMap(({ rows }) => rows.map(({ seq }) => seq))
  await db.query('delete from starling_shapes.change where seq = any($1::text[]::int8[])', [numbers])
}
