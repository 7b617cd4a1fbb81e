/** How the evidence of a ring's gates went over time: a point whenever it moved by something that can be seen. */
import type { GateVerdict } from '../../rollout/gates/judge.ts'
import type { RingRecord } from '../../rollout/campaign/state.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { CentreWork } from '../performer.ts'
import type { Held } from './event-log.ts'

/** By gate: evidence of harm and of safety. */
export type GatePoint = Readonly<Record<string, readonly [harm: number, safe: number]>>

export type EvidencePoint = {
  readonly seq: number
  readonly ring: string
  /** How many rings were opened before it, this one's earlier rounds among them. */
  readonly round: number
  /** The campaign's time. */
  readonly atMs: number
  readonly gates: GatePoint
}

/** A tick that moves evidence by less than this factor is no point of its own: a campaign of weeks has tens of thousands. */
const SEEN_FACTOR = 1.1
/** What a chart of a few hundred pixels can show. */
const MAX_POINTS_A_ROUND = 240

export async function keepEvidence({ tx }: CentreWork, id: string, after: Held): Promise<void> {
  const round = after.state.rings.length - 1
  const ring = after.state.rings[round]
  if (ring?.verdict == null) return
  const [last] = await tx.query<EvidencePoint & JsonObject>(
    'select seq, ring, round, at_ms as "atMs", gates from rollout.evidence where campaign = $1 order by seq desc limit 1',
    [id],
  )
  const gates = pointOf(ring.verdict)
  if (last?.round === round && !isSeen(last.gates, gates) && !isClosing(ring, last)) return
  await tx.query(
    `insert into rollout.evidence (campaign, seq, ring, round, at_ms, gates) values ($1, $2, $3, $4, $5, $6::text::jsonb)
     on conflict (campaign, seq) do nothing`,
    [id, after.seq, ring.name, round, after.state.clock.campaignMs, JSON.stringify(gates)],
  )
}

/** Oldest first; of each round at most {@link MAX_POINTS_A_ROUND}, its first and its last among them. */
export async function evidenceCourse(sql: Queryable, id: string): Promise<readonly EvidencePoint[]> {
  return await sql.query<EvidencePoint & JsonObject>(
    `with numbered as (
       select seq, ring, round, at_ms, gates, row_number() over (partition by round order by seq) as place,
         count(*) over (partition by round) as points
       from rollout.evidence where campaign = $1
     )
     select seq, ring, round, at_ms as "atMs", gates from numbered
     where place = 1 or place = points or place % greatest(1, ceil(points / $2::float8)::bigint) = 0 order by seq`,
    [id, MAX_POINTS_A_ROUND - 2],
  )
}

function pointOf({ evidence }: GateVerdict): GatePoint {
  return Object.fromEntries(
    evidence.map(({ gate, harmEvidence, safeEvidence }) => [gate, [harmEvidence, safeEvidence]]),
  )
}

function isSeen(before: GatePoint, now: GatePoint): boolean {
  return Object.entries(now).some(([gate, values]) => {
    const [harm = 1, safe = 1] = before[gate] ?? []
    return isFar(harm, values[0]) || isFar(safe, values[1])
  })
}

function isFar(before: number, now: number): boolean {
  return now > before * SEEN_FACTOR || now * SEEN_FACTOR < before
}

/** The evidence by which a ring was closed is a point, however little it moved. */
function isClosing({ closedMs }: RingRecord, { atMs }: EvidencePoint): boolean {
  return closedMs !== null && atMs < closedMs
}
