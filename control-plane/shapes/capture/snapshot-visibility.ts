/** PostgreSQL's `pg_snapshot` as text, `xmin:xmax:xip,xip`, and what it sees (full, 64-bit transaction ids). */
export interface PgSnapshot {
  readonly xmin: bigint
  readonly xmax: bigint
  readonly inProgress: ReadonlySet<bigint>
}

/** Throws on any other text: it comes from PostgreSQL alone. */
export function parseSnapshot(text: string): PgSnapshot {
  const found = /^(\d+):(\d+):([\d,]*)$/.exec(text)
  if (found === null) throw new TypeError(`not a snapshot of PostgreSQL: ${text}`)
  const [, xmin = '0', xmax = '0', list = ''] = found
  return {
    xmin: BigInt(xmin),
    xmax: BigInt(xmax),
    inProgress: new Set(list === '' ? [] : list.split(',').map(BigInt)),
  }
}

/** Whether a transaction that has committed by now was already seen by the snapshot. */
export function isVisibleIn(snapshot: PgSnapshot, xid: bigint): boolean {
  if (xid < snapshot.xmin) return true
  return xid < snapshot.xmax && !snapshot.inProgress.has(xid)
}
