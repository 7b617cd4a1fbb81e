/** From captured changes to the entries of each shape's log. What it decides is written and applied by `capture.ts`. */
import type { Queryable } from '../../../shared/sql/port.ts'
import { StarlingError } from '../../../shared/errors.ts'
import { SqlError } from '../../../shared/sql/errors.ts'
import { openMessage, tellChange, type RowValues } from '../protocol/change-messages.ts'
import type { Registry, Shape } from '../registry.ts'
import type { TransactionPart } from './batch.ts'
import type { LayoutFound, Layouts } from './layouts.ts'
import { evaluate, holdsEqualities } from './match.ts'
import { parseRecord } from './record-text.ts'
import { isVisibleIn } from './snapshot-visibility.ts'

export interface LogEntry {
  readonly shape: Shape
  readonly tx: number
  readonly position: number
  readonly xid: bigint
  readonly isLast: boolean
  readonly endsChunk: boolean
  readonly body: string
}

export interface Tidings {
  readonly entries: readonly LogEntry[]
  /** Shapes that cannot go on: their table was emptied, or changed under what they ask for. */
  readonly over: ReadonlySet<Shape>
  /** Bytes of each shape's open chunk afterwards. */
  readonly openBytes: ReadonlyMap<Shape, number>
  /** The number of the last whole transaction. */
  readonly published: number
}

/** A shape's clause fails on a row (a division by zero): the shape ends, and the capture goes on without it. */
export class ClauseFailed extends StarlingError {
  override readonly code = 'clause_failed'
  readonly shape: Shape

  constructor(shape: Shape, cause: SqlError) {
    super(`the where clause of shape ${shape.handle} fails on a row: ${cause.message}`, {
      remedy: 'Ask for a clause that holds for every row of the table.',
      cause,
    })
    this.shape = shape
  }
}

/** A change as one shape may have to tell it. */
interface Concern {
  readonly part: TransactionPart
  readonly tx: number
  /** Twice its number in the transaction: a changed key takes two places. */
  readonly position: number
  readonly before: RowValues | null
  readonly after: RowValues | null
}

export interface TellParts {
  readonly db: Queryable
  readonly registry: Registry
  readonly layouts: Layouts
  readonly published: number
  readonly chunkBytes: number
}

/** Throws {@link ClauseFailed}. */
export async function tell(parts: readonly TransactionPart[], given: TellParts): Promise<Tidings> {
  const over = new Set<Shape>()
  const concerns = new Map<Shape, Concern[]>()
  const found = new Map<string, LayoutFound>()
  let published = given.published
  for (const part of parts) {
    const tx = published + 1
    for (const [index, row] of part.rows.entries()) {
      const place = { part, tx, position: 2 * (part.firstPosition + index) }
      if (row.op === 't') {
        for (const shape of given.registry.ofTable(row.rel)) if (isNews(shape, part.xid)) over.add(shape)
        continue
      }
      if (given.registry.ofTable(row.rel).size === 0) continue
      const slot = `${row.rel} ${row.layout}`
      const { names, unfit } = found.get(slot) ?? (await given.layouts.find(given.db, row.rel, row.layout))
      found.set(slot, { names, unfit })
      for (const shape of unfit) if (isNews(shape, part.xid)) over.add(shape)
      const change = { ...place, before: valuesOf(row.before, names), after: valuesOf(row.after, names) }
      for (const shape of concerned(given.registry, row.rel, change)) {
        if (over.has(shape) || !isNews(shape, part.xid)) continue
        const own = concerns.get(shape)
        if (own === undefined) concerns.set(shape, [change])
        else own.push(change)
      }
    }
    if (part.isComplete) published = tx
  }
  for (const shape of given.layouts.over) over.add(shape)
  const entries: LogEntry[] = []
  const openBytes = new Map<Shape, number>()
  for (const [shape, own] of concerns)
    if (!over.has(shape)) openBytes.set(shape, await tellShape({ shape, own, given, entries }))
  return { entries, over, openBytes, published }
}

function isNews(shape: Shape, xid: bigint): boolean {
  return shape.snapshot === null || !isVisibleIn(shape.snapshot, xid)
}

function concerned(registry: Registry, oid: number, { before, after }: Concern): ReadonlySet<Shape> {
  if (before === null) return after === null ? new Set() : registry.candidates(oid, after)
  if (after === null) return registry.candidates(oid, before)
  return new Set([...registry.candidates(oid, before), ...registry.candidates(oid, after)])
}

function valuesOf(record: string | null, names: readonly string[]): RowValues | null {
  if (record === null) return null
  const fields = parseRecord(record)
  return new Map(names.map((name, index) => [name, fields[index] ?? null]))
}

async function tellShape(work: {
  readonly shape: Shape
  readonly own: readonly Concern[]
  readonly given: TellParts
  readonly entries: LogEntry[]
}): Promise<number> {
  const { shape, own, given, entries } = work
  const { relation, columns, definition } = shape.resolved
  const fits = await whichFit(given.db, shape, own)
  const telling = { table: relation, columns, key: relation.key, replica: definition.replica }
  const told = own.flatMap((concern) => {
    const before = concern.before !== null && fits.has(concern.before) ? concern.before : null
    const after = concern.after !== null && fits.has(concern.after) ? concern.after : null
    return tellChange({ before, after }, telling).map((message, index) => ({
      concern,
      message,
      position: concern.position + index,
    }))
  })
  let open = shape.openChunkBytes
  for (const [index, { concern, message, position }] of told.entries()) {
    const { tx, part } = concern
    const body = openMessage(message, { table: relation, tx, position, xid: part.xid })
    open += Buffer.byteLength(body)
    const endsChunk = open >= given.chunkBytes
    if (endsChunk) open = 0
    const isLast = part.isComplete && told[index + 1]?.concern.tx !== tx
    entries.push({ shape, tx, position, xid: part.xid, isLast, endsChunk, body })
  }
  return open
}

async function whichFit(
  db: Queryable,
  shape: Shape,
  own: readonly Concern[],
): Promise<ReadonlySet<RowValues>> {
  const rows = own.flatMap(({ before, after }) => [before, after].filter((row) => row !== null))
  const { filter, relation } = shape.resolved
  if (filter === null) return new Set(rows)
  const { equalities } = shape
  const equal = equalities === null ? rows : rows.filter((row) => holdsEqualities(equalities, row))
  if (equalities?.isAll === true) return new Set(equal)
  try {
    const fits = await evaluate(db, filter, relation, equal)
    return new Set(equal.filter((_, index) => fits[index]))
  } catch (error) {
    if (error instanceof SqlError) throw new ClauseFailed(shape, error)
    throw error
  }
}
