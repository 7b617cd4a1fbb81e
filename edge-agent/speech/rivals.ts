/**
 * The words that an open word may follow. A path through the word tree stands on one predecessor, the best when the path began and the
 * word was not known; the language model may prefer another that ended at the same moment. What the word sounds like is taken to be
 * the same after each of them, though its first phone depends on what was said before.
 */
import { ROOT, type WordHistory } from './word-history.ts'

/** More of them change hardly a word. */
const MOST = 8
/** The best of this many frames are remembered: words are rarely longer. */
const MOST_PLACES = 512
/** More than any network has. */
const WORDS = 2 ** 22

export class Rivals {
  readonly #history: WordHistory
  readonly #stateCount: number
  readonly #known = new Map<number, readonly number[]>()

  constructor(history: WordHistory, stateCount: number) {
    this.#history = history
    this.#stateCount = stateCount
  }

  /** Records that end when and where `record` does and differ in their last two words, best first. */
  of(record: number): readonly number[] {
    const history = this.#history
    if (record < 0) return []
    const place = history.frame(record) * this.#stateCount + history.state(record, ROOT)
    const known = this.#known.get(place)
    if (known !== undefined) return known
    const found = this.#found(record)
    if (this.#known.size === MOST_PLACES) this.#forgetOldest()
    this.#known.set(place, found)
    return found
  }

  /** Records were numbered anew, or forgotten. */
  clear(): void {
    this.#known.clear()
  }

  #found(record: number): readonly number[] {
    const history = this.#history
    const [frame, state] = [history.frame(record), history.state(record, ROOT)]
    let first = record
    while (first > 0 && history.frame(first - 1) === frame) first--
    const there: number[] = []
    for (let at = first; at < history.count && history.frame(at) === frame; at++)
      if (history.state(at, ROOT) === state) there.push(at)
    there.sort((a, b) => history.score(b) - history.score(a))
    const said = new Set<number>()
    const found: number[] = []
    for (const at of there) {
      const words = this.#lastWords(at)
      if (said.has(words)) continue
      said.add(words)
      if (found.push(at) === MOST) break
    }
    return found
  }

  /** The last two words as one number. */
  #lastWords(record: number): number {
    const history = this.#history
    const last = history.lastWord(record)
    if (last < 0) return 0
    const before = history.lastWord(history.before(last))
    return (history.word(last) + 1) * WORDS + (before < 0 ? 0 : history.word(before) + 1)
  }

  #forgetOldest(): void {
    for (const place of this.#known.keys()) {
      this.#known.delete(place)
      return
    }
  }
}
