/** Answers requests for shapes: finds or makes the shape, reads its log, waits for news. Knows no HTTP. */
import type { Capture } from './capture/capture.ts'
import { stillHolds } from './capture/layouts.ts'
import { digestOfDefinition, type ResolvedShape, type ShapeDefinition } from './definition.ts'
import { InvalidShapeRequest } from './errors.ts'
import type { ShapeMaker } from './maker.ts'
import { upToDate } from './protocol/change-messages.ts'
import {
  formatOffset,
  isBefore,
  SNAPSHOT_END,
  type LogOffset,
  type RequestedOffset,
} from './protocol/offset.ts'
import { schemaHeader } from './protocol/schema-header.ts'
import type { Registry, Shape } from './registry.ts'
import { readChunk, readLog } from './store/shape-store.ts'
import { readSubset, type SubsetAsked, type SubsetFound } from './store/subset.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { Clock } from '../../shared/clock.ts'

export interface ShapeRequest {
  readonly definition: ShapeDefinition
  readonly offset: RequestedOffset
  readonly handle: string | null
  readonly isLive: boolean
}

export interface LogAnswer {
  readonly kind: 'log'
  readonly handle: string
  /** Messages joined by commas. */
  readonly body: string
  readonly offset: string
  readonly schema: string
  readonly isUpToDate: boolean
  /** Nothing happened while it was waited for. */
  readonly isUnchanged: boolean
}

/** The reader starts again, once, with this handle. */
export interface RefetchAnswer {
  readonly kind: 'refetch'
  readonly handle: string
}

export interface SubsetAnswer extends SubsetFound {
  readonly kind: 'subset'
  readonly handle: string
  readonly offset: string
  readonly schema: string
}

export interface ShapeServerParts {
  readonly db: Database
  readonly registry: Registry
  readonly capture: Capture
  readonly maker: ShapeMaker
  readonly clock: Clock
  /** How long a live request is held. */
  readonly pollMs: number
}

/** What one read of a log gave, and how far all logs were just then. */
interface Reading {
  readonly messages: readonly string[]
  readonly offset: LogOffset
  readonly isUpToDate: boolean
  readonly published: number
}

export class ShapeServer {
  readonly #parts: ShapeServerParts

  constructor(parts: ShapeServerParts) {
    this.#parts = parts
  }

  /** Throws {@link InvalidShapeRequest}, `TableBusy`; the signal's reason when the reader went away. */
  async serve(request: ShapeRequest, signal: AbortSignal): Promise<LogAnswer | RefetchAnswer> {
    const shape = await this.#shapeOf(request)
    if (shape === null) return await this.#refetch(request.definition)
    shape.readAtMs = this.#parts.clock.nowMs()
    const { offset } = request
    if (offset === 'start') return await this.#chunk(shape, 0)
    if (offset === 'now') return this.#atEnd(shape, shape.lastOffset, false)
    if (offset.tx === 0 && offset.position + 1 < shape.snapshotChunks)
      return await this.#chunk(shape, offset.position + 1)
    const from = offset.tx === 0 ? SNAPSHOT_END : offset
    if (isBefore(shape.lastOffset, from))
      throw new InvalidShapeRequest('offset', 'out of bounds for this shape')
    let reading = await this.#read(shape, from)
    if (request.isLive && reading.messages.length === 0) {
      const news = await this.#news(shape, from, signal)
      if (news === 'none') return this.#atEnd(shape, from, true)
      if (news === 'over') return await this.#refetch(request.definition)
      reading = await this.#read(shape, from)
    }
    // Its log may have ended under the reading.
    if (shape.isOver) return await this.#refetch(request.definition)
    return this.#told(shape, reading)
  }

  /**
   * What a live reader is told, batch after batch, each ending with up-to-date; ends with `null` where it must start again, and without
   * a word when `signal` says so.
   */
  async *follow(
    shape: Shape,
    from: LogOffset,
    signal: AbortSignal,
  ): AsyncGenerator<readonly string[] | null> {
    let at = from
    while (!signal.aborted) {
      shape.readAtMs = this.#parts.clock.nowMs()
      const reading = await this.#read(shape, at)
      if (shape.isOver) {
        yield null
        return
      }
      if (reading.messages.length > 0)
        yield reading.isUpToDate ? [...reading.messages, upToDate(reading.published)] : reading.messages
      at = reading.offset
      if (reading.isUpToDate) await this.#news(shape, at, signal)
    }
  }

  /** For a reader who will follow: the shape and where it reads on. */
  async followed(
    request: ShapeRequest,
  ): Promise<{ readonly shape: Shape; readonly from: LogOffset } | RefetchAnswer> {
    const { offset } = request
    const shape = await this.#shapeOf(request)
    if (shape === null) return await this.#refetch(request.definition)
    if (offset === 'start' || offset === 'now')
      throw new InvalidShapeRequest('live', `can't be true when offset == -1`)
    return { shape, from: offset.tx === 0 ? SNAPSHOT_END : offset }
  }

  /** Everything that had committed when this was called is in the logs when it resolves. */
  async catchUp(): Promise<void> {
    await this.#parts.capture.catchUp()
  }

  /** Some rows of a shape as they are now, with what that reading saw. Throws {@link InvalidShapeRequest}. */
  async subset(
    definition: ShapeDefinition,
    handle: string | null,
    asked: SubsetAsked,
  ): Promise<SubsetAnswer | RefetchAnswer> {
    const { maker, registry, capture, db } = this.#parts
    const resolved = await maker.resolve(definition)
    const known = handle === null ? undefined : registry.byHandle(handle)
    const shape =
      known !== undefined && this.#holds(known, resolved) ? known : await maker.currentOrNew(resolved)
    if (handle !== null && shape.handle !== handle) return { kind: 'refetch', handle: shape.handle }
    shape.readAtMs = this.#parts.clock.nowMs()
    const found = await readSubset(db, resolved, asked)
    // Whatever the reading saw has a number by now, so a reader can tell when it has all of it.
    await capture.catchUp()
    const metadata = { ...found.metadata, database_lsn: String(capture.published) }
    const schema = schemaHeader(resolved.relation, resolved.columns)
    return {
      kind: 'subset',
      ...found,
      metadata,
      schema,
      handle: shape.handle,
      offset: formatOffset(shape.lastOffset),
    }
  }

  /** Forgets a shape by its handle or, without one, the current one of the definition. False where there is none. */
  async remove(handle: string | null, definition: ShapeDefinition | null): Promise<boolean> {
    const { registry, capture } = this.#parts
    const named = handle === null ? undefined : registry.byHandle(handle)
    const shape =
      named ?? (definition === null ? undefined : registry.current(digestOfDefinition(definition)))
    if (shape === undefined) return false
    await capture.between(async () => await capture.end([shape]))
    return true
  }

  /** Ends every shape of such scopes: nobody reads on there, and those who wait are told. */
  async endScopes(isOver: (scope: string) => boolean): Promise<void> {
    const { registry, capture } = this.#parts
    const over = registry.all().filter(({ resolved }) => isOver(resolved.definition.scope))
    if (over.length > 0) await capture.between(async () => await capture.end(over))
  }

  /** The shape to read from, caught up; null where the reader's handle is of no use. */
  async #shapeOf({ definition, handle, offset, isLive }: ShapeRequest): Promise<Shape | null> {
    const { registry, maker, capture } = this.#parts
    const isNew = offset === 'start' || offset === 'now'
    const known = handle === null || isNew ? undefined : registry.byHandle(handle)
    if (
      isLive &&
      known !== undefined &&
      known.snapshot !== null &&
      known.resolved.digest === digestOfDefinition(definition)
    ) {
      await capture.catchUp()
      return known.isOver || isBehind(known, offset) ? null : known
    }
    const resolved = await maker.resolve(definition)
    const candidate = isNew ? registry.current(resolved.digest) : known
    if (candidate !== undefined && !stillHolds(candidate, resolved.relation))
      await capture.between(async () => await capture.end([candidate]))
    else if (candidate !== undefined) capture.layouts.adopt(resolved.relation)
    const shape = isNew ? await maker.currentOrNew(resolved) : known
    await capture.catchUp()
    if (shape === undefined) return null
    if (!this.#holds(shape, resolved) || isBehind(shape, offset))
      return isNew ? await maker.currentOrNew(resolved) : null
    return shape
  }

  #holds(shape: Shape, resolved: ResolvedShape): boolean {
    return (
      !shape.isOver &&
      shape.snapshot !== null &&
      shape.resolved.digest === resolved.digest &&
      shape.resolved.relation.oid === resolved.relation.oid
    )
  }

  async #refetch(definition: ShapeDefinition): Promise<RefetchAnswer> {
    const { maker } = this.#parts
    const { handle } = await maker.currentOrNew(await maker.resolve(definition))
    return { kind: 'refetch', handle }
  }

  async #chunk(shape: Shape, n: number): Promise<LogAnswer | RefetchAnswer> {
    const body = await readChunk(this.#parts.db, shape.handle, n)
    if (body === null || shape.isOver) return await this.#refetch(shape.resolved.definition)
    return this.#answer(shape, {
      body,
      offset: { tx: 0, position: n },
      isUpToDate: false,
      isUnchanged: false,
    })
  }

  async #read(shape: Shape, after: LogOffset): Promise<Reading> {
    // Both at one moment: what is up to date is so up to this transaction.
    const end = shape.lastOffset
    const { published } = this.#parts.capture
    if (!isBefore(after, end)) return { messages: [], offset: after, isUpToDate: true, published }
    const part = await readLog(this.#parts.db, shape.handle, after, end)
    const reached = part.end ?? end
    return { messages: part.messages, offset: reached, isUpToDate: !isBefore(reached, end), published }
  }

  #told(shape: Shape, { messages, offset, isUpToDate, published }: Reading): LogAnswer {
    const all = isUpToDate ? [...messages, upToDate(published)] : messages
    return this.#answer(shape, { body: all.join(','), offset, isUpToDate, isUnchanged: false })
  }

  #atEnd(shape: Shape, offset: LogOffset, isUnchanged: boolean): LogAnswer {
    return this.#answer(shape, {
      body: upToDate(this.#parts.capture.published),
      offset,
      isUpToDate: true,
      isUnchanged,
    })
  }

  #answer(
    shape: Shape,
    part: Pick<LogAnswer, 'body' | 'isUpToDate' | 'isUnchanged'> & { readonly offset: LogOffset },
  ): LogAnswer {
    const { relation, columns } = shape.resolved
    const schema = schemaHeader(relation, columns)
    return { kind: 'log', handle: shape.handle, schema, ...part, offset: formatOffset(part.offset) }
  }

  async #news(shape: Shape, from: LogOffset, signal: AbortSignal): Promise<'some' | 'none' | 'over'> {
    const isNews = (): boolean => shape.isOver || isBefore(from, shape.lastOffset)
    if (!isNews()) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#parts.pollMs)])
      await new Promise<void>((resolve) => {
        const done = (): void => {
          if (!limit.aborted && !isNews()) return
          shape.waiting.delete(done)
          limit.removeEventListener('abort', done)
          resolve()
        }
        shape.waiting.add(done)
        limit.addEventListener('abort', done)
        done()
      })
    }
    if (shape.isOver) return 'over'
    return isBefore(from, shape.lastOffset) ? 'some' : 'none'
  }
}

function isBehind(shape: Shape, offset: RequestedOffset): boolean {
  return offset !== 'now' && shape.logStart.tx > 0 && (offset === 'start' || isBefore(offset, shape.logStart))
}
