/** What happens next on the virtual clock: a binary heap by time, and by the order of entry where times are equal. */
export class Agenda<T> {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly item: T }[] = []
  #entered = 0

  get size(): number {
    return this.#heap.length
  }

  add(atMs: number, item: T): void {
    const heap = this.#heap
    const entry = { atMs, order: this.#entered, item }
    this.#entered += 1
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

  /** The earliest; undefined when nothing is left. */
  take(): { readonly atMs: number; readonly item: T } | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (!isBefore(child, last)) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
    return first
  }
}

interface Place {
  readonly atMs: number
  readonly order: number
}

function isBefore(a: Place, b: Place): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
