/**
 * Makes shapes. A new one is followed first and read afterwards: whatever commits in between comes both ways, and what its snapshot
 * saw is then taken out of its log.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import { SqlError } from '../../shared/sql/errors.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Capture } from './capture/capture.ts'
import { equalitiesOf, tryClause } from './capture/match.ts'
import { isVisibleIn, type PgSnapshot } from './capture/snapshot-visibility.ts'
import { captureTable } from './capture/triggers.ts'
import { resolveShape, type Filter, type ResolvedShape, type ShapeDefinition } from './definition.ts'
import { InvalidShapeRequest, ShapeUnsettled } from './errors.ts'
import { quoteTable } from './identifiers.ts'
import { newShape, type Registry, type Shape } from './registry.ts'
import { findRelation, type Relation } from './relation.ts'
import { takeSnapshot } from './store/snapshot.ts'

/** A table that changes at each of so many attempts is being worked on. */
const ATTEMPT_LIMIT = 3

export interface MakerParts {
  /** For what takes long: the capture has its own, where there can be several. */
  readonly db: Database
  readonly capture: Capture
  readonly registry: Registry
  readonly clock: Clock
  readonly chunkBytes: number
}

export class ShapeMaker {
  readonly #parts: MakerParts
  readonly #making = new Map<string, Promise<Shape>>()

  constructor(parts: MakerParts) {
    this.#parts = parts
  }

  /** What the definition means for the table as it is. Throws {@link InvalidShapeRequest}. */
  async resolve(definition: ShapeDefinition): Promise<ResolvedShape> {
    const relation = await findRelation(this.#parts.db, definition)
    if (relation === null)
      throw new InvalidShapeRequest(
        'table',
        `Table ${quoteTable(definition)} does not exist. If the table name contains capitals or special characters you must quote it.`,
      )
    return resolveShape(definition, relation)
  }

  /** The shape of the definition that newcomers get, made where there is none. Throws {@link InvalidShapeRequest} or {@link TableBusy}. */
  async currentOrNew(resolved: ResolvedShape): Promise<Shape> {
    const known = this.#parts.registry.current(resolved.digest)
    if (known !== undefined) return known
    const { digest } = resolved
    let making = this.#making.get(digest)
    if (making === undefined) {
      making = this.#make(resolved).finally(() => this.#making.delete(digest))
      this.#making.set(digest, making)
    }
    return await making
  }

  async #make(first: ResolvedShape): Promise<Shape> {
    let resolved = first
    for (let attempt = 1; attempt <= ATTEMPT_LIMIT; attempt++) {
      const shape = await this.#attempt(resolved)
      if (shape !== null) return shape
      resolved = await this.resolve(first.definition)
    }
    throw new ShapeUnsettled(quoteTable(first.relation))
  }

  async #attempt(resolved: ResolvedShape): Promise<Shape | null> {
    const { db, capture, registry, clock, chunkBytes } = this.#parts
    const { relation, filter } = resolved
    if (filter !== null) await checkTypes(db, filter, relation, 'where')
    const equalities = filter === null ? null : await equalitiesOf(db, filter, relation)
    await captureTable(db, relation)
    const shape = newShape(newHandle(resolved.digest), resolved, equalities, clock.nowMs())
    await capture.between(async () => {
      capture.layouts.know(relation)
      registry.add(shape)
      await Promise.resolve()
    })
    try {
      const taken = await takeSnapshot(db, shape.handle, resolved, chunkBytes)
      if (taken !== null && (await capture.between(async () => await this.#settle(shape, taken))))
        return shape
    } catch (error) {
      await capture.between(async () => await capture.end([shape]))
      if (error instanceof SqlError) throw refusalOf(error, 'where')
      throw error
    }
    await capture.between(async () => await capture.end([shape]))
    return null
  }

  /** Takes out of the log what the snapshot saw. False where the shape ended meanwhile. */
  async #settle(
    shape: Shape,
    { seen, chunks }: { readonly seen: PgSnapshot; readonly chunks: number },
  ): Promise<boolean> {
    if (shape.isOver) return false
    const { db, registry } = this.#parts
    const { handle } = shape
    const end = await db.transaction(async (tx) => {
      const writers = await tx.query<{ readonly xid: string }>(
        'select distinct xid from starling_shapes.log where handle = $1::text',
        [handle],
      )
      const visible = writers.map(({ xid }) => xid).filter((xid) => isVisibleIn(seen, BigInt(xid)))
      await tx.query('delete from starling_shapes.log where handle = $1::text and xid = any($2::text[])', [
        handle,
        visible,
      ])
      await tx.query(`update starling_shapes.shape set state = 'current' where handle = $1::text`, [handle])
      const [last] = await tx.query<{ readonly tx: number; readonly position: number }>(
        'select tx, position from starling_shapes.log where handle = $1::text order by tx desc, position desc limit 1',
        [handle],
      )
      return last
    })
    shape.snapshot = seen
    shape.snapshotChunks = chunks
    if (end !== undefined && end.tx <= this.#parts.capture.published) shape.lastOffset = end
    else if (end === undefined) shape.lastOffset = newShape('', shape.resolved, null, 0).lastOffset
    registry.makeCurrent(shape)
    return true
  }
}

/** Has PostgreSQL type a clause. Throws {@link InvalidShapeRequest}. */
export async function checkTypes(
  db: Database,
  filter: Filter,
  relation: Relation,
  field: string,
): Promise<void> {
  try {
    await tryClause(db, filter, relation)
  } catch (error) {
    if (error instanceof SqlError) throw refusalOf(error, field)
    throw error
  }
}

/** SQLSTATE classes of what a request got wrong: data (22), syntax, names and types (42), features that are not there (0A). */
export function refusalOf(error: SqlError, field: string): Error {
  return /^(22|42|0A|54)/.test(error.sqlState) ? new InvalidShapeRequest(field, error.fault.message) : error
}

/** Never given twice: 64 random bits, behind digits that are alike for one definition. */
function newHandle(digest: string): string {
  return `${Number.parseInt(digest.slice(0, 7), 16)}-${randomBytes(8).toString('hex')}`
}
