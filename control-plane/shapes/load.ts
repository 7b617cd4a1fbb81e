/** What the shape server finds at its start: shapes, the ends of their logs, and what a killed one left half made. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Capture } from './capture/capture.ts'
import { equalitiesOf } from './capture/match.ts'
import { parseSnapshot } from './capture/snapshot-visibility.ts'
import { resolveShape, type ShapeDefinition } from './definition.ts'
import { SNAPSHOT_END } from './protocol/offset.ts'
import { newShape, type Registry, type Shape } from './registry.ts'
import type { Relation } from './relation.ts'
import { deleteShapes } from './store/shape-store.ts'

const DefinitionSchema: v.GenericSchema<unknown, ShapeDefinition> = v.object({
  schema: v.string(),
  table: v.string(),
  columns: v.nullable(v.array(v.string())),
  where: v.nullable(v.string()),
  params: v.record(v.string(), v.string()),
  replica: v.picklist(['default', 'full']),
  log: v.picklist(['full', 'changes_only']),
  scope: v.string(),
})

const RelationSchema: v.GenericSchema<unknown, Relation> = v.object({
  schema: v.string(),
  table: v.string(),
  oid: v.number(),
  relkind: v.string(),
  columns: v.array(
    v.object({
      name: v.string(),
      type: v.string(),
      sqlType: v.string(),
      collation: v.nullable(v.string()),
      modifier: v.number(),
      dimensions: v.number(),
      isNotNull: v.boolean(),
      isGenerated: v.boolean(),
      kind: v.string(),
      version: v.string(),
    }),
  ),
  key: v.array(v.string()),
  layout: v.string(),
  file: v.string(),
})

interface StoredShape {
  readonly [name: string]: unknown
  readonly handle: string
  readonly definition: unknown
  readonly relation: unknown
  readonly snapshot: string
  readonly chunks: number
  readonly state: string
  readonly log_start_tx: number
  readonly log_start_position: number
  readonly read_at_ms: number
  readonly log_bytes: number
  readonly open_bytes: number
}

const SHAPES = `
select s.handle, s.definition, s.relation, s.snapshot, s.chunks, s.state, s.log_start_tx, s.log_start_position,
  (extract(epoch from s.read_at) * 1000)::int8 as read_at_ms, coalesce(l.bytes, 0)::int8 as log_bytes,
  coalesce(l.open_bytes, 0)::int8 as open_bytes
from starling_shapes.shape s
left join lateral (
  select sum(octet_length(body)) as bytes, sum(octet_length(body)) filter (where (tx, position) > coalesce((
    select (e.tx, e.position) from starling_shapes.log e
    where e.handle = s.handle and e.ends_chunk order by e.tx desc, e.position desc limit 1), (0::int8, 0::int8))) as open_bytes
  from starling_shapes.log where handle = s.handle
) l on true`

/** After `capture.open()`. */
export async function loadShapes(parts: {
  readonly db: Database
  readonly registry: Registry
  readonly capture: Capture
  readonly clock: Clock
}): Promise<void> {
  const { db, registry, capture } = parts
  const half = await db.query<{ readonly handle: string }>(
    `select handle from starling_shapes.shape where state = 'making'`,
  )
  await deleteShapes(
    db,
    half.map(({ handle }) => handle),
  )
  for (const table of ['chunk', 'log'])
    await db.query(
      `delete from starling_shapes.${table} t where not exists (select from starling_shapes.shape s where s.handle = t.handle)`,
    )
  for (const stored of await db.query<StoredShape & { readonly [name: string]: string }>(SHAPES)) {
    const shape = await shapeOf(stored, db)
    registry.add(shape)
    capture.layouts.know(shape.resolved.relation)
    if (stored.state === 'current') registry.makeCurrent(shape)
  }
  await loadEnds(parts)
  await capture.reconcile()
}

async function shapeOf(stored: StoredShape, db: Database): Promise<Shape> {
  const resolved = resolveShape(
    v.parse(DefinitionSchema, stored.definition),
    v.parse(RelationSchema, stored.relation),
  )
  const equalities =
    resolved.filter === null ? null : await equalitiesOf(db, resolved.filter, resolved.relation)
  const shape = newShape(stored.handle, resolved, equalities, stored.read_at_ms)
  shape.snapshot = parseSnapshot(stored.snapshot)
  shape.snapshotChunks = stored.chunks
  shape.logStart = { tx: stored.log_start_tx, position: stored.log_start_position }
  shape.logBytes = stored.log_bytes
  shape.openChunkBytes = stored.open_bytes
  return shape
}

/** The last entry of each log, and the last that lies within a transaction which was told in part. */
async function loadEnds({ db, registry, capture }: Parameters<typeof loadShapes>[0]): Promise<void> {
  const ends = await db.query<{
    readonly handle: string
    readonly tx: number
    readonly position: number
    readonly is_whole: boolean
  }>(
    `select distinct on (handle, tx <= $1::int8) handle, tx, position, tx <= $1::int8 as is_whole
     from starling_shapes.log order by handle, tx <= $1::int8, tx desc, position desc`,
    [capture.published],
  )
  for (const { handle, tx, position, is_whole } of ends) {
    const shape = registry.byHandle(handle)
    if (shape === undefined) continue
    if (is_whole) shape.lastOffset = { tx, position }
    else capture.resume(shape, { tx, position })
  }
  // A log that was compacted to nothing still ends where it was cut.
  for (const shape of registry.all())
    if (shape.lastOffset === SNAPSHOT_END && shape.logStart.tx > 0) shape.lastOffset = shape.logStart
}
