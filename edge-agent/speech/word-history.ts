/**
 * Back pointers as a word lattice: one record a word (or pause) that ended, each pointing at its best predecessor. Records that
 * end at one frame and may be followed by the same paths share a node, so that what lost the race there stays known for n-best
 * and posteriors.
 */
export interface HeardSpan {
  /** Index into the network's words, negative for a pause. */
  readonly word: number
  /** First frame, and the frame after the last. */
  readonly from: number
  readonly to: number
  /** Where the word was decided: before its last phone when it came out of the word tree, else `to`. */
  readonly decided: number
  /** Path score gained in the span, acoustic and grammar together (nats). */
  readonly gained: number
}

/** The last phone of a word that was decided before it. */
export const TAIL = -4

/** Records are compacted when they pass this, so that an hour-long stream stays small. */
const COMPACT_AT = 200_000
/** Records this young are kept with what lost against them; of older ones only what the search still stands on. */
const LATTICE_FRAMES = 3_000
/** Within a word that is decided: no state of the sentence. */
export const NO_STATE = -1
/** Before the first word: no record, no node. */
export const ROOT = -1

/** Filled in place by whoever notes words that ended: thousands do in a frame. */
export interface NewRecord {
  word: number
  frame: number
  before: number
  score: number
  /** Sentence state that it ends in, or {@link NO_STATE}. */
  state: number
  /** Which paths may follow it (see `ways-on.ts`). */
  way: number
  bias: number
}

export class WordHistory {
  #word = new Int32Array(4_096)
  #before = new Int32Array(4_096)
  #node = new Int32Array(4_096)
  #bias = new Int32Array(4_096)
  #score = new Float64Array(4_096)
  #count = 0
  #nodeState = new Int32Array(1_024)
  #nodeWay = new Int32Array(1_024)
  #nodeFrame = new Int32Array(1_024)
  #nodeCount = 0
  #compactAt = COMPACT_AT
  /** The newest node of each way on. */
  readonly #newest: Int32Array

  constructor(wayCount: number) {
    this.#newest = new Int32Array(wayCount).fill(ROOT)
  }

  push(record: Readonly<NewRecord>): number {
    if (this.#count === this.#word.length) this.#grow()
    const at = this.#count++
    this.#word[at] = record.word
    this.#before[at] = record.before
    this.#score[at] = record.score
    this.#bias[at] = record.bias
    const newest = this.#newest[record.way] as number
    const isThere = newest >= 0 && this.#nodeFrame[newest] === record.frame
    this.#node[at] = isThere ? newest : this.#addNode(record)
    return at
  }

  get count(): number {
    return this.#count
  }

  get nodeCount(): number {
    return this.#nodeCount
  }

  word(record: number): number {
    return this.#word[record] as number
  }

  before(record: number): number {
    return this.#before[record] as number
  }

  /** Where the path stands in the phrases of the call's bias list. */
  bias(record: number): number {
    return record < 0 ? 0 : (this.#bias[record] as number)
  }

  /** Of the best path that ends with the record (nats). */
  score(record: number): number {
    return record < 0 ? 0 : (this.#score[record] as number)
  }

  gained(record: number): number {
    return (this.#score[record] as number) - this.score(this.#before[record] as number)
  }

  /** Where the record ends: {@link ROOT} for none. */
  node(record: number): number {
    return record < 0 ? ROOT : (this.#node[record] as number)
  }

  frame(record: number): number {
    return record < 0 ? 0 : (this.#nodeFrame[this.#node[record] as number] as number)
  }

  /** The sentence state that the record ends in; `start` when there is none. */
  state(record: number, start: number): number {
    return record < 0 ? start : (this.#nodeState[this.#node[record] as number] as number)
  }

  /** Which paths may follow the record. */
  way(record: number): number {
    return this.#nodeWay[this.#node[record] as number] as number
  }

  nodeState(node: number): number {
    return this.#nodeState[node] as number
  }

  nodeFrame(node: number): number {
    return this.#nodeFrame[node] as number
  }

  clear(): void {
    this.#count = 0
    this.#nodeCount = 0
    this.#newest.fill(ROOT)
  }

  get needsCompaction(): boolean {
    return this.#count > this.#compactAt
  }

  /** Keeps what `live` records reach and the youngest of the others; gives the new number of each old record. */
  compact(live: Iterable<number>, frame: number): Int32Array {
    const keep = new Uint8Array(this.#count)
    for (const record of live) if (record >= 0) keep[record] = 1
    for (let at = this.#count - 1; at >= 0; at--) {
      if (keep[at] === 0 && this.frame(at) < frame - LATTICE_FRAMES) continue
      keep[at] = 1
      const before = this.#before[at] as number
      if (before >= 0) keep[before] = 1
    }
    const number = new Int32Array(this.#count).fill(-1)
    const nodes = new Int32Array(this.#nodeCount).fill(-1)
    let count = 0
    let nodeCount = 0
    for (let at = 0; at < this.#count; at++) {
      if (keep[at] === 0) continue
      const before = this.#before[at] as number
      const node = this.#node[at] as number
      if (nodes[node] === -1) {
        this.#nodeState[nodeCount] = this.#nodeState[node] as number
        this.#nodeWay[nodeCount] = this.#nodeWay[node] as number
        this.#nodeFrame[nodeCount] = this.#nodeFrame[node] as number
        nodes[node] = nodeCount++
      }
      this.#word[count] = this.#word[at] as number
      this.#score[count] = this.#score[at] as number
      this.#bias[count] = this.#bias[at] as number
      this.#node[count] = nodes[node] as number
      this.#before[count] = before < 0 ? before : (number[before] as number)
      number[at] = count++
    }
    this.#count = count
    this.#nodeCount = nodeCount
    this.#newest.fill(ROOT)
    for (let node = 0; node < nodeCount; node++) this.#newest[this.#nodeWay[node] as number] = node
    this.#compactAt = Math.max(COMPACT_AT, 2 * count)
    return number
  }

  /** The spans that lead to record `end`, in order; a word and its tail are one. */
  trace(end: number): HeardSpan[] {
    const spans: HeardSpan[] = []
    let tail = -1
    for (let at = end; at >= 0; at = this.#before[at] as number) {
      const word = this.#word[at] as number
      if (word === TAIL) {
        tail = at
        continue
      }
      spans.push({
        word,
        from: this.frame(this.#before[at] as number),
        to: this.frame(tail < 0 ? at : tail),
        decided: this.frame(at),
        gained: this.gained(at) + (tail < 0 ? 0 : this.gained(tail)),
      })
      tail = -1
    }
    return spans.reverse()
  }

  /** The word before the record's end, itself included, -1 when there is none: pauses and tails are passed over. */
  lastWord(record: number): number {
    let at = record
    while (at >= 0 && (this.#word[at] as number) < 0) at = this.#before[at] as number
    return at
  }

  #addNode({ state, way, frame }: Readonly<NewRecord>): number {
    if (this.#nodeCount === this.#nodeState.length) {
      this.#nodeState = twice(this.#nodeState)
      this.#nodeWay = twice(this.#nodeWay)
      this.#nodeFrame = twice(this.#nodeFrame)
    }
    const node = this.#nodeCount++
    this.#nodeState[node] = state
    this.#nodeWay[node] = way
    this.#nodeFrame[node] = frame
    this.#newest[way] = node
    return node
  }

  #grow(): void {
    this.#word = twice(this.#word)
    this.#before = twice(this.#before)
    this.#node = twice(this.#node)
    this.#bias = twice(this.#bias)
    const scores = new Float64Array(2 * this.#score.length)
    scores.set(this.#score)
    this.#score = scores
  }
}

function twice(old: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * old.length)
  larger.set(old)
  return larger
}
