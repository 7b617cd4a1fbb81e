/** Where a reader stands in a shape's log, and what comes before what. Pure. */

/** `handle` names the log; `offset` is the last operation taken from it; `schema` is how its columns were described. */
export interface Place {
  readonly handle: string
  /** `0_n` within a snapshot, `0_inf` at its end, `tx_position` in the log. */
  readonly offset: string
  readonly schema: string
}

/** A position in the log: which transaction of the centre, and which operation in it. */
export interface LogPosition {
  /** The number of the transaction in the centre's one order. */
  readonly lsn: bigint
  readonly op: bigint
}

/** Past every chunk of a snapshot. */
const SNAPSHOT_END = 2n ** 63n

/** Null for `-1`, `now` and anything that is no offset. */
export function parsePosition(offset: string): LogPosition | null {
  if (offset === '0_inf') return { lsn: 0n, op: SNAPSHOT_END }
  const found = /^(\d{1,19})_(\d{1,19})$/.exec(offset)
  return found === null ? null : { lsn: BigInt(found[1] ?? 0), op: BigInt(found[2] ?? 0) }
}

export function formatPosition({ lsn, op }: LogPosition): string {
  return `${lsn}_${op}`
}

/** Negative where `one` comes first, zero where both are the same. */
export function comparePositions(one: LogPosition, other: LogPosition): number {
  if (one.lsn !== other.lsn) return one.lsn < other.lsn ? -1 : 1
  if (one.op === other.op) return 0
  return one.op < other.op ? -1 : 1
}
