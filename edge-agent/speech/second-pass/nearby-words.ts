/** Which words a first search found to begin around a frame. */
import type { WordHistory } from '../word-history.ts'

/** A word may begin so many frames before and after the moment that the first search found. */
const AROUND = 25
/** What ended in fewer frames than this from one beginning was hardly there. */
const LEAST_ENDS = 4

export class NearbyWords {
  /** Of each frame that is not told yet: the words that begin with it, and in how many frames they may end. */
  readonly #beginning = new Map<number, Map<number, { count: number; last: number }>>()
  /** Of each frame around: the words that were told of it. */
  readonly #told = new Map<number, readonly number[]>()
  /** Words that begin around, and with how many of its frames. */
  readonly #near = new Map<number, number>()
  /** Frames below are told already. */
  #to = 0

  /** Takes the records from `first` on: those of one frame. */
  take(history: WordHistory, first: number): void {
    for (let record = first; record < history.count; record++) {
      const word = history.word(record)
      if (word < 0) continue
      const from = history.frame(history.before(record))
      // It lasts longer than anybody waits for it.
      if (from < this.#to) continue
      const frame = history.frame(record)
      const words = this.#beginning.get(from) ?? new Map<number, { count: number; last: number }>()
      this.#beginning.set(from, words)
      const known = words.get(word)
      if (known === undefined) words.set(word, { count: 1, last: frame })
      else if (known.last !== frame) {
        known.count++
        known.last = frame
      }
    }
  }

  /** The words that begin around a frame; frames are asked for one after the other. */
  near(frame: number): Iterable<number> {
    for (; this.#to <= frame + AROUND; this.#to++) this.#enter(this.#to)
    this.#leave(frame - AROUND - 1)
    return this.#near.keys()
  }

  clear(): void {
    this.#beginning.clear()
    this.#told.clear()
    this.#near.clear()
    this.#to = 0
  }

  #enter(frame: number): void {
    const words = [...(this.#beginning.get(frame) ?? [])].flatMap(([word, { count }]) =>
      count < LEAST_ENDS ? [] : [word],
    )
    this.#beginning.delete(frame)
    this.#told.set(frame, words)
    for (const word of words) this.#near.set(word, (this.#near.get(word) ?? 0) + 1)
  }

  #leave(frame: number): void {
    for (const word of this.#told.get(frame) ?? []) {
      const times = (this.#near.get(word) ?? 0) - 1
      if (times === 0) this.#near.delete(word)
      else this.#near.set(word, times)
    }
    this.#told.delete(frame)
  }
}
