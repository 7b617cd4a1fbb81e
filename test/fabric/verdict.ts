/** After a run: does the centre hold every acknowledged record exactly once, in order, with gaps named? */
import { openDatabase } from '../../shared/sql/open-database.ts'

export interface Acked {
  readonly seq: number
  readonly hash: string
  readonly kind: string
  readonly id: string
}

interface Stored {
  readonly [key: string]: string | number
  readonly seq: number
  readonly hash: string
  readonly prev: string
  readonly id: string
  readonly kind: string
}

export interface Held {
  readonly records: number
  readonly faults: readonly string[]
  readonly quarantined: Readonly<Record<string, number>>
}

/** Reads the centre's database, which nobody has open any more. */
export async function judgeCentre(dir: string, device: string, acked: readonly Acked[]): Promise<Held> {
  const db = await openDatabase({ dir })
  try {
    const stored = await db.query<Stored>(
      `select seq, hash, id, kind, text::json->>'prev' as prev from ingest.record where device = $1 order by seq`,
      [device],
    )
    const gaps = await db.query<{ from_seq: number; to_seq: number }>(
      'select from_seq, to_seq from ingest.gap where device = $1',
      [device],
    )
    const applied = await db.query<{ id: string; times: number }>(
      'select id, count(*) as times from applied group by id',
    )
    const bad = await db.query<{ reason: string; times: number }>(
      'select reason, sum(times) as times from ingest.quarantine group by reason',
    )
    const isNamed = (seq: number): boolean => gaps.some((gap) => gap.from_seq <= seq && seq <= gap.to_seq)
    return {
      records: stored.length,
      faults: [...missing(stored, acked), ...disorder(stored, isNamed), ...misapplied(stored, applied)],
      quarantined: Object.fromEntries(bad.map(({ reason, times }) => [reason, times])),
    }
  } finally {
    await db.close()
  }
}

function missing(stored: readonly Stored[], acked: readonly Acked[]): readonly string[] {
  const held = new Map(stored.map(({ seq, hash }) => [seq, hash]))
  return acked.flatMap(({ seq, hash }) => {
    const found = held.get(seq)
    if (found === hash) return []
    return [found === undefined ? `record ${seq} is lost` : `record ${seq} is another`]
  })
}

function disorder(stored: readonly Stored[], isNamed: (seq: number) => boolean): readonly string[] {
  const faults: string[] = []
  let expected = 1
  let prev = '0'.repeat(64)
  for (const record of stored) {
    for (; expected < record.seq; expected++)
      if (!isNamed(expected)) faults.push(`record ${expected} is missing and no gap names it`)
    if (record.seq !== expected) faults.push(`record ${record.seq} stands where ${expected} belongs`)
    if (record.prev !== prev && !isNamed(record.seq - 1)) faults.push(`record ${record.seq} breaks the chain`)
    expected = record.seq + 1
    prev = record.hash
  }
  return faults
}

function misapplied(
  stored: readonly Stored[],
  applied: readonly { readonly id: string; readonly times: number }[],
): readonly string[] {
  const times = new Map(applied.map((row) => [row.id, row.times]))
  const writes = stored.filter(({ kind }) => kind === 'write')
  const wrong = writes.filter(({ id }) => times.get(id) !== 1)
  const foreign = applied.length - writes.filter(({ id }) => times.has(id)).length
  return [
    ...wrong.map(({ id, seq }) => `the write ${seq} was applied ${times.get(id) ?? 0} times`),
    ...(foreign === 0 ? [] : [`${foreign} writes were applied without their record`]),
  ]
}
