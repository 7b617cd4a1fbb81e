/** Back pointers: one record a word (or pause) that ended, each pointing at the one before it. */
export interface HeardSpan {
  /** Index into the network's words, negative for a pause. */
  readonly word: number
  /** First frame, and the frame after the last. */
  readonly from: number
  readonly to: number
  /** Path score gained in the span, acoustic and grammar together (nats). */
  readonly gained: number
}

/** Records are compacted when they pass this, so that an hour-long stream stays small. */
const COMPACT_AT = 200_000

export class WordHistory {
  #word = new Int32Array(4_096)
  #frame = new Int32Array(4_096)
  #before = new Int32Array(4_096)
  #score = new Float64Array(4_096)
  #count = 0
  #compactAt = COMPACT_AT

  push(word: number, frame: number, before: number, score: number): number {
    if (this.#count === this.#word.length) this.#grow()
    const at = this.#count++
    this.#word[at] = word
    this.#frame[at] = frame
    this.#before[at] = before
    this.#score[at] = score
    return at
  }

  clear(): void {
    this.#count = 0
  }

  get needsCompaction(): boolean {
    return this.#count > this.#compactAt
  }

  /** Keeps only what `live` records reach, and gives the new number of each old record. */
  compact(live: Iterable<number>): Int32Array {
    const keep = new Uint8Array(this.#count)
    for (const start of live)
      for (let at = start; at >= 0 && keep[at] === 0; at = this.#before[at] as number) keep[at] = 1
    const number = new Int32Array(this.#count).fill(-1)
    let count = 0
    for (let at = 0; at < this.#count; at++) {
      if (keep[at] === 0) continue
      const before = this.#before[at] as number
      this.#word[count] = this.#word[at] as number
      this.#frame[count] = this.#frame[at] as number
      this.#score[count] = this.#score[at] as number
      this.#before[count] = before < 0 ? -1 : (number[before] as number)
      number[at] = count++
    }
    this.#count = count
    this.#compactAt = Math.max(COMPACT_AT, 2 * count)
    return number
  }

  /** The spans that lead to record `end`, in order. */
  trace(end: number): HeardSpan[] {
    const spans: HeardSpan[] = []
    for (let at = end; at >= 0;) {
      const before = this.#before[at] as number
      const from = before < 0 ? 0 : (this.#frame[before] as number)
      const score = before < 0 ? 0 : (this.#score[before] as number)
      spans.push({
        word: this.#word[at] as number,
        from,
        to: this.#frame[at] as number,
        gained: (this.#score[at] as number) - score,
      })
      at = before
    }
    return spans.reverse()
  }

  #grow(): void {
    const size = 2 * this.#word.length
    const integers = (old: Int32Array) => {
      const larger = new Int32Array(size)
      larger.set(old)
      return larger
    }
    this.#word = integers(this.#word)
    this.#frame = integers(this.#frame)
    this.#before = integers(this.#before)
    const scores = new Float64Array(size)
    scores.set(this.#score)
    this.#score = scores
  }
}
