/** What an answer of a log is worth to a reader who stands at a place. Pure; the numbers are those of ../SPEC.md. */
import type { LogAnswer, Operation } from './answer.ts'
import { comparePositions, parsePosition, type LogPosition, type Place } from './place.ts'

export type Judgement =
  | {
      readonly kind: 'accepted'
      readonly part: 'load' | 'log'
      readonly operations: readonly Operation[]
      readonly place: Place
    }
  /** Somebody between here and the centre kept it for too long. */
  | { readonly kind: 'stale'; readonly detail: string }
  | { readonly kind: 'malformed'; readonly detail: string }
  /** The columns are no longer what the copy was made for. */
  | { readonly kind: 'changed_schema' }

export interface Reader {
  /** Null: nothing was read yet. */
  readonly place: Place | null
  readonly reads: 'load' | 'log'
  readonly expired: string | null
}

export function judge(answer: LogAnswer, reader: Reader): Judgement {
  const { place } = reader
  // S8: a log that the centre said is over lives on in caches only, and so does another than was asked for.
  if (answer.handle === reader.expired) return stale('it is from a log that is over')
  if (place !== null && answer.handle !== place.handle) return stale('it is from another log')
  if (place !== null && answer.schema !== null && answer.schema !== place.schema)
    return { kind: 'changed_schema' }
  const reached = parsePosition(answer.offset)
  if (reached === null) return malformed('its place is none')
  const from = place === null ? null : parsePosition(place.offset)
  const step = judgeStep(from, reached, answer)
  if (step !== null) return step
  const found = newOperations(answer.operations, { from, reached, reads: reader.reads })
  if (typeof found === 'string') return malformed(found)
  const next = { handle: answer.handle, offset: answer.offset, schema: answer.schema ?? place?.schema ?? '' }
  // Where nothing is new, the end of a snapshot is no other place than before.
  return { kind: 'accepted', ...found, place: next }
}

/** S3: a reader never goes back, and what comes next is next. */
function judgeStep(from: LogPosition | null, reached: LogPosition, answer: LogAnswer): Judgement | null {
  const order = from === null ? 1 : comparePositions(reached, from)
  if (order < 0) return stale('it ends before what is held')
  if (order === 0 && answer.upTo === null) return stale('it leads nowhere')
  if (reached.lsn > 0n || reached.op >= MAX_CHUNKS || order === 0) return null
  const expected = from === null ? 0n : from.op + 1n
  return reached.op === expected ? null : stale('a piece of the snapshot is missing')
}

/** Beyond it lies the mark for a snapshot's end. */
const MAX_CHUNKS = 10n ** 9n

/** S4: what is held already is dropped, and what is out of order makes all of it worthless. */
function newOperations(
  operations: readonly Operation[],
  {
    from,
    reached,
    reads,
  }: { readonly from: LogPosition | null; readonly reached: LogPosition; readonly reads: 'load' | 'log' },
): { readonly part: 'load' | 'log'; readonly operations: readonly Operation[] } | string {
  if (operations.some(({ at }) => at === null)) {
    if (reads === 'log') return 'rows of a snapshot came with the log'
    if (operations.some(({ at, kind }) => at !== null || kind !== 'insert'))
      return 'a snapshot came with changes'
    return { part: 'load', operations }
  }
  const fresh: Operation[] = []
  let last: LogPosition | null = null
  for (const operation of operations) {
    const { at } = operation
    if (at === null || (last !== null && comparePositions(at, last) <= 0))
      return 'operations are out of order'
    if (comparePositions(at, reached) > 0) return 'an operation lies past the place that the answer names'
    last = at
    if (from === null || comparePositions(at, from) > 0) fresh.push(operation)
  }
  return { part: 'log', operations: fresh }
}

function stale(detail: string): Judgement {
  return { kind: 'stale', detail }
}

function malformed(detail: string): Judgement {
  return { kind: 'malformed', detail }
}
