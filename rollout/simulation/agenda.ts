/**
 * What happens next on the virtual clock, by time, and by the order of entry where times are equal. Only what is near is kept in
 * order (a binary heap, small enough to stay in the processor's cache); what is further away lies in a list for its span of time
 * until that comes.
 */
interface Entry<T> {
  readonly atMs: number
  readonly order: number
  readonly item: T
}

/** Some thousands of entries of a large fleet. */
const SPAN_MS = 15 * 60_000

export class Agenda<T> {
  /** Of the span that runs, and whatever is late. */
  readonly #near: Entry<T>[] = []
  readonly #far = new Map<number, Entry<T>[]>()
  #span = Number.NEGATIVE_INFINITY
  #entered = 0

  add(atMs: number, item: T): void {
    const entry = { atMs, order: this.#entered, item }
    this.#entered += 1
    const span = Math.floor(atMs / SPAN_MS)
    if (span <= this.#span) return push(this.#near, entry)
    const there = this.#far.get(span)
    if (there === undefined) this.#far.set(span, [entry])
    else there.push(entry)
  }

  /** The earliest one before `untilMs`; undefined where none is. */
  take(untilMs: number): { readonly atMs: number; readonly item: T } | undefined {
    while (this.#near.length === 0) if (!this.#comeNearer(untilMs)) return undefined
    const first = this.#near[0]
    return first === undefined || first.atMs >= untilMs ? undefined : pop(this.#near)
  }

  /** Takes in the list of the next span; false where that begins at `untilMs` or later. */
  #comeNearer(untilMs: number): boolean {
    let next = Number.POSITIVE_INFINITY
    for (const span of this.#far.keys()) if (span < next) next = span
    if (next * SPAN_MS >= untilMs) return false
    for (const entry of this.#far.get(next) ?? []) push(this.#near, entry)
    this.#far.delete(next)
    this.#span = next
    return true
  }
}

function push<T>(heap: Entry<T>[], entry: Entry<T>): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const up = (at - 1) >> 1
    const parent = heap[up]
    if (parent === undefined || !isBefore(entry, parent)) break
    heap[at] = parent
    at = up
  }
  heap[at] = entry
}

function pop<T>(heap: Entry<T>[]): Entry<T> | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    const child = smallerChild(heap, at)
    const entry = heap[child]
    if (entry === undefined || !isBefore(entry, last)) break
    heap[at] = entry
    at = child
  }
  heap[at] = last
  return first
}

/** Where the earlier of the two below `at` is; beyond the end where none is. */
function smallerChild<T>(heap: readonly Entry<T>[], at: number): number {
  const left = 2 * at + 1
  const [one, other] = [heap[left], heap[left + 1]]
  return one !== undefined && other !== undefined && isBefore(other, one) ? left + 1 : left
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
