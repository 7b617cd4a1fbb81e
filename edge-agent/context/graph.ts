/**
 * Questions to the graph of the copy: what a thing is, and what hangs together with it over some steps, at a time and as it was known at
 * a time. What the caller may not read is not there: no node, no edge, and no way through them.
 */
import type { Json } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { VISIBLE_PARAMS, visibleParams, visibleSql, type AsOf, type Rights } from '../search/rights.ts'

export type GraphNode = {
  readonly node: string
  readonly kind: string
  readonly name: string
  readonly properties: Json
  /** Least number of steps from where the question began. */
  readonly hops: number
  readonly sources: Json
}

export type GraphEdge = {
  readonly kind: string
  readonly from: string
  readonly to: string
  readonly properties: Json
  readonly sources: Json
}

export interface GraphWish {
  readonly node: string
  /** Steps, 0 for the node alone. */
  readonly hops: number
  readonly rights: Rights
  readonly asOf: AsOf
  readonly nowMs: number
}

export type Neighbourhood = {
  readonly nodes: readonly GraphNode[]
  /** Between these nodes. */
  readonly edges: readonly GraphEdge[]
  /** True when there are more nodes or edges than an answer holds. */
  readonly truncated: boolean
}

export const MAX_HOPS = 6
/** What a page or a context pack can use. */
const MAX_NODES = 500
const MAX_EDGES = 2_000
/** Steps of the walk that are looked at: a hub with thousands of edges is cut, and the answer says so. */
const MAX_WALK = 20_000

/** Empty for a node that is not there, or not for this caller: the two look the same. */
export async function neighbourhood(sql: Queryable, wish: GraphWish): Promise<Neighbourhood> {
  const filter = visibleParams(wish.rights, wish.asOf, wish.nowMs)
  const found = await sql.query<GraphNode & { readonly walked: number }>(NODES, [
    ...filter,
    wish.node,
    Math.min(wish.hops, MAX_HOPS),
  ])
  const nodes = found.slice(0, MAX_NODES).map(({ walked: _walked, ...node }) => node)
  const edges = await sql.query<GraphEdge>(EDGES, [...filter, nodes.map(({ node }) => node)])
  const isCut = found.length > MAX_NODES || edges.length > MAX_EDGES || (found[0]?.walked ?? 0) >= MAX_WALK
  return { nodes, edges: edges.slice(0, MAX_EDGES), truncated: isCut }
}

const VISIBLE = visibleSql(0)
const [NODE, HOPS] = [1, 2].map((at) => `$${VISIBLE_PARAMS + at}`)
const stepOver = (from: string, to: string): string => `
    select c.${to} as node from graph.edge c where c.${from} = walk.node and ${VISIBLE}`
const IS_NODE = `exists (select from graph.node c where c.node = next.node and ${VISIBLE})`

/** Edges are followed both ways. Rows are told apart (union), so that a ring adds a row a length and no more. */
const NODES = `
with recursive walk (node, hops) as (
  select next.node, 0 from (select ${NODE}::text as node) next where ${IS_NODE}
  union
  select next.node, walk.hops + 1 from walk
  cross join lateral (${stepOver('from_node', 'to_node')} union ${stepOver('to_node', 'from_node')}) next
  where walk.hops < ${HOPS}::int and ${IS_NODE}
),
bounded as (select node, hops from walk limit ${MAX_WALK}),
reached as (select node, min(hops) as hops, (select count(*) from bounded) as walked from bounded group by node)
select distinct on (r.hops, c.node) c.node, c.kind, c.name, c.properties, r.hops, c.sources, r.walked
from reached r join graph.node c on c.node = r.node and ${VISIBLE}
order by r.hops, c.node, c.recorded_at desc, c.key limit ${MAX_NODES + 1}`

const EDGES = `
select c.kind, c.from_node as "from", c.to_node as "to", c.properties, c.sources from graph.edge c
where c.from_node = any($${VISIBLE_PARAMS + 1}::text[]) and c.to_node = any($${VISIBLE_PARAMS + 1}::text[]) and ${VISIBLE}
order by c.from_node, c.kind, c.to_node, c.key limit ${MAX_EDGES + 1}`
