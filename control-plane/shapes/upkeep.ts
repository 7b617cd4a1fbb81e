/** What the shape server does by itself, time and again: logs kept in bounds, idle shapes forgotten, tables released. */
import type { Clock } from '../../shared/clock.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Capture } from './capture/capture.ts'
import { releaseTable } from './capture/triggers.ts'
import type { Registry, Shape } from './registry.ts'
import { relationsByOid } from './relation.ts'

export interface Retention {
  /** Past this much, a log loses its older half; who reads there starts again. */
  readonly logBytes: number
  readonly logAgeMs: number
  /** A shape that nobody read for so long is forgotten. */
  readonly idleMs: number
}

const HOUR_MS = 3_600_000

export const USUAL_RETENTION: Retention = {
  // A device that was away for a week of a busy site's changes still reads on.
  logBytes: 64 * 1024 * 1024,
  logAgeMs: 30 * 24 * HOUR_MS,
  // A device that was away for a month fetches what changed, and not everything.
  idleMs: 30 * 24 * HOUR_MS,
}

/** How far the stored time of a reading may lag: a restart then forgets no shape early that matters. */
const READ_TIME_LAG_MS = HOUR_MS

export interface UpkeepParts {
  readonly db: Database
  readonly registry: Registry
  readonly capture: Capture
  readonly clock: Clock
  readonly retention: Retention
}

export async function keepUp(parts: UpkeepParts): Promise<void> {
  const { registry, clock, retention, capture } = parts
  const nowMs = clock.nowMs()
  const idle = registry.all().filter((shape) => isIdle(shape, nowMs, retention))
  await capture.between(async () => await capture.end(idle))
  for (const shape of registry.all()) {
    if (shape.logBytes > retention.logBytes) await capture.between(async () => await cutBySize(shape, parts))
    await noteReading(shape, parts)
  }
  await capture.between(async () => await cutByAge(parts))
  await releaseTables(parts)
}

function isIdle(shape: Shape, nowMs: number, { idleMs }: Retention): boolean {
  return shape.snapshot !== null && shape.waiting.size === 0 && nowMs - shape.readAtMs > idleMs
}

/**
 * The newer half stays, so that those who read there go on undisturbed. Newcomers get a shape of their own, with a new snapshot:
 * this one's no longer meets its log.
 */
async function cutBySize(shape: Shape, { db, registry, retention }: UpkeepParts): Promise<void> {
  const [cut] = await db.query<{ readonly tx: number; readonly position: number }>(
    `select tx, position from (
       select tx, position, sum(octet_length(body)) over (order by tx desc, position desc) as kept
       from starling_shapes.log where handle = $1::text
     ) l where kept > $2::int8 order by tx desc, position desc limit 1`,
    [shape.handle, Math.floor(retention.logBytes / 2)],
  )
  if (cut !== undefined) await cutAt(shape, cut, { db, registry })
}

async function cutByAge({ db, registry, clock, retention }: UpkeepParts): Promise<void> {
  const before = new Date(clock.nowMs() - retention.logAgeMs).toISOString()
  const cuts = await db.query<{ readonly handle: string; readonly tx: number; readonly position: number }>(
    `select distinct on (handle) handle, tx, position from starling_shapes.log
     where at < $1::timestamptz order by handle, tx desc, position desc`,
    [before],
  )
  for (const { handle, ...cut } of cuts) {
    const shape = registry.byHandle(handle)
    if (shape !== undefined && shape.snapshot !== null) await cutAt(shape, cut, { db, registry })
  }
}

async function cutAt(
  shape: Shape,
  cut: { readonly tx: number; readonly position: number },
  { db, registry }: Pick<UpkeepParts, 'db' | 'registry'>,
): Promise<void> {
  const left = await db.transaction(async (tx) => {
    await tx.query(
      'delete from starling_shapes.log where handle = $1::text and (tx, position) <= ($2::int8, $3::int8)',
      [shape.handle, cut.tx, cut.position],
    )
    await tx.query('delete from starling_shapes.chunk where handle = $1::text', [shape.handle])
    await tx.query(
      `update starling_shapes.shape set state = 'retired', log_start_tx = $2::int8, log_start_position = $3::int8 where handle = $1::text`,
      [shape.handle, cut.tx, cut.position],
    )
    const [sum] = await tx.query<{ readonly bytes: number }>(
      'select coalesce(sum(octet_length(body)), 0)::int8 as bytes from starling_shapes.log where handle = $1::text',
      [shape.handle],
    )
    return sum?.bytes ?? 0
  })
  shape.logStart = { tx: cut.tx, position: cut.position }
  shape.logBytes = left
  registry.retire(shape)
}

async function noteReading(shape: Shape, { db }: UpkeepParts): Promise<void> {
  if (shape.readAtMs - shape.writtenReadAtMs < READ_TIME_LAG_MS) return
  const { handle, readAtMs } = shape
  await db.query('update starling_shapes.shape set read_at = $2::timestamptz where handle = $1::text', [
    handle,
    new Date(readAtMs).toISOString(),
  ])
  shape.writtenReadAtMs = readAtMs
}

/** Triggers on tables that nobody follows cost their writers for nothing. */
async function releaseTables({ db, registry, capture }: UpkeepParts): Promise<void> {
  const captured = await db.query<{ readonly oid: number }>(
    `select distinct tgrelid::int8 as oid from pg_trigger where tgname = 'starling_shapes_insert'`,
  )
  for (const { oid } of captured)
    await capture.between(async () => {
      if (registry.ofTable(oid).size > 0) return
      const [relation] = await relationsByOid(db, [oid])
      if (relation !== undefined) await releaseTable(db, relation)
      await db.query('delete from starling_shapes.layout where rel = $1::int8::oid', [oid])
    })
}
