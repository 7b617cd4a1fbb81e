/** Three steps through a graph of 100,000 edges, as `starling context query NODE --hops 3` asks it. */
import { neighbourhood } from '../../../edge-agent/context/graph.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { quantile, type BenchRow } from '../report.ts'

const NODES = 50_000
const EDGES = 100_000
const HOPS = 3
const QUESTIONS = 200
const WARM_UP = 20
const SINCE = `'2026-01-01T00:00:00Z'::timestamptz`

export async function graphRows(db: Database, nowMs: number): Promise<readonly BenchRow[]> {
  // The same pseudo-random edges on every machine: hashes of their numbers.
  await db.query(
    `insert into graph.node (key, node, kind, name, properties, sources, class_rank, readers, valid_from, recorded_at)
     select 'n' || n, 'n' || n, 'asset', 'node ' || n, '{}', '[]', 1, '{}', ${SINCE}, ${SINCE} from generate_series(0, $1::int - 1) n`,
    [NODES],
  )
  await db.query(
    `insert into graph.edge (key, kind, from_node, to_node, properties, sources, class_rank, readers, valid_from, recorded_at)
     select 'e' || n, 'depends_on', 'n' || abs(hashint8(n)) % $2::int, 'n' || abs(hashint8(n + $1::int)) % $2::int, '{}', '[]', 1, '{}',
       ${SINCE}, ${SINCE} from generate_series(0, $1::int - 1) n`,
    [EDGES, NODES],
  )
  await db.script('vacuum analyze graph.node')
  await db.script('vacuum analyze graph.edge')
  const rights = { clearance: 'personal', roles: ['technician'] } as const
  const ms: number[] = []
  let reached = 0
  for (let question = 0; question < WARM_UP + QUESTIONS; question++) {
    const beganMs = performance.now()
    const { nodes } = await neighbourhood(db, {
      node: `n${(question * 37) % NODES}`,
      hops: HOPS,
      rights,
      asOf: null,
      nowMs,
    })
    if (question < WARM_UP) continue
    ms.push(performance.now() - beganMs)
    reached += nodes.length
  }
  return [
    {
      name: `${HOPS} steps over ${EDGES} edges, p95`,
      value: quantile(ms, 0.95),
      unit: 'ms',
      goal: { op: '<=', value: 20 },
    },
    { name: `${HOPS} steps over ${EDGES} edges, p50`, value: quantile(ms, 0.5), unit: 'ms' },
    { name: 'nodes reached, on average', value: reached / QUESTIONS, unit: '' },
  ]
}
