/** The shapes that are followed now, in memory: by handle, by definition, by table, and by the constants that their clauses ask for. */
import type { ResolvedShape } from './definition.ts'
import type { Equalities } from './capture/match.ts'
import type { PgSnapshot } from './capture/snapshot-visibility.ts'
import { SNAPSHOT_END, type LogOffset } from './protocol/offset.ts'
import type { RowValues } from './protocol/change-messages.ts'

export interface Shape {
  readonly handle: string
  resolved: ResolvedShape
  readonly equalities: Equalities | null
  /** What its snapshot saw; null while that is being taken. */
  snapshot: PgSnapshot | null
  snapshotChunks: number
  /** The end of its log. */
  lastOffset: LogOffset
  /** Entries up to here have been compacted away. */
  logStart: LogOffset
  /** Bytes in the log since its last chunk ended. */
  openChunkBytes: number
  logBytes: number
  /** Newcomers get this one. False while it is made, and once its log was cut: those who follow it may go on. */
  isCurrent: boolean
  readAtMs: number
  writtenReadAtMs: number
  /** Set once, when it is over: those who wait learn of it. */
  isOver: boolean
  /** Called at every change of this shape, and when it is over. */
  readonly waiting: Set<() => void>
}

export function newShape(
  handle: string,
  resolved: ResolvedShape,
  equalities: Equalities | null,
  nowMs: number,
): Shape {
  return {
    handle,
    resolved,
    equalities,
    snapshot: null,
    snapshotChunks: 0,
    lastOffset: SNAPSHOT_END,
    logStart: { tx: 0, position: 0 },
    openChunkBytes: 0,
    logBytes: 0,
    isCurrent: false,
    readAtMs: nowMs,
    writtenReadAtMs: nowMs,
    isOver: false,
    waiting: new Set(),
  }
}

/** Columns that may be null in a row of everybody's: each doubles the places where a shape is looked up. */
const OR_NULL_LIMIT = 3

/** Shapes of one table. A row finds those that it may belong to by its own values, however many others there are. */
class TableShapes {
  /** By the columns that are asked for, then by their constants. */
  readonly #byColumns = new Map<
    string,
    { readonly columns: readonly string[]; readonly shapes: Map<string, Set<Shape>> }
  >()
  readonly all = new Set<Shape>()

  add(shape: Shape): void {
    this.all.add(shape)
    for (const constants of placesOf(shape)) {
      const columns = [...constants.keys()]
      const signature = JSON.stringify(columns)
      const group = this.#byColumns.get(signature) ?? { columns, shapes: new Map<string, Set<Shape>>() }
      this.#byColumns.set(signature, group)
      const slot = JSON.stringify([...constants.values()])
      const shapes = group.shapes.get(slot)
      if (shapes === undefined) group.shapes.set(slot, new Set([shape]))
      else shapes.add(shape)
    }
  }

  remove(shape: Shape): void {
    this.all.delete(shape)
    for (const constants of placesOf(shape)) {
      const signature = JSON.stringify([...constants.keys()])
      const group = this.#byColumns.get(signature)
      const slot = JSON.stringify([...constants.values()])
      const shapes = group?.shapes.get(slot)
      shapes?.delete(shape)
      if (shapes?.size === 0) group?.shapes.delete(slot)
      if (group?.shapes.size === 0) this.#byColumns.delete(signature)
    }
  }

  candidates(row: RowValues): ReadonlySet<Shape> {
    const found = new Set<Shape>()
    for (const { columns, shapes } of this.#byColumns.values()) {
      const slot = JSON.stringify(columns.map((column) => row.get(column) ?? null))
      for (const shape of shapes.get(slot) ?? []) found.add(shape)
    }
    return found
  }
}

/** A shape that takes everybody's rows beside its own is found by either: once with the constant, once with null. */
function placesOf({ equalities }: Shape): readonly ReadonlyMap<string, string | null>[] {
  let places: readonly ReadonlyMap<string, string | null>[] = [new Map(equalities?.equals ?? [])]
  for (const [column, value] of [...(equalities?.equalsOrNull ?? [])].slice(0, OR_NULL_LIMIT))
    places = places.flatMap((place) => [
      new Map([...place, [column, value]]),
      new Map([...place, [column, null]]),
    ])
  return places
}

const NONE: ReadonlySet<Shape> = new Set()

export class Registry {
  readonly #byHandle = new Map<string, Shape>()
  readonly #currentByDigest = new Map<string, Shape>()
  readonly #byTable = new Map<number, TableShapes>()

  add(shape: Shape): void {
    this.#byHandle.set(shape.handle, shape)
    const { oid } = shape.resolved.relation
    const table = this.#byTable.get(oid) ?? new TableShapes()
    this.#byTable.set(oid, table)
    table.add(shape)
  }

  remove(shape: Shape): void {
    this.#byHandle.delete(shape.handle)
    this.retire(shape)
    const { oid } = shape.resolved.relation
    const table = this.#byTable.get(oid)
    table?.remove(shape)
    if (table?.all.size === 0) this.#byTable.delete(oid)
  }

  /** Newcomers get this one from now on. */
  makeCurrent(shape: Shape): void {
    shape.isCurrent = true
    this.#currentByDigest.set(shape.resolved.digest, shape)
  }

  /** Newcomers no longer get this one. */
  retire(shape: Shape): void {
    shape.isCurrent = false
    if (this.#currentByDigest.get(shape.resolved.digest) === shape)
      this.#currentByDigest.delete(shape.resolved.digest)
  }

  byHandle(handle: string): Shape | undefined {
    return this.#byHandle.get(handle)
  }

  current(digest: string): Shape | undefined {
    return this.#currentByDigest.get(digest)
  }

  all(): readonly Shape[] {
    return [...this.#byHandle.values()]
  }

  tables(): readonly number[] {
    return [...this.#byTable.keys()]
  }

  ofTable(oid: number): ReadonlySet<Shape> {
    return this.#byTable.get(oid)?.all ?? NONE
  }

  candidates(oid: number, row: RowValues): ReadonlySet<Shape> {
    return this.#byTable.get(oid)?.candidates(row) ?? NONE
  }

  get size(): number {
    return this.#byHandle.size
  }
}

export function wake(shape: Shape): void {
  for (const waiter of shape.waiting) waiter()
}
