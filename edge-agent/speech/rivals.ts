/**
 * The words that an open word may follow. A path through the word tree stands on one predecessor, the best when the path began and the
 * word was not known; the language model may prefer another that ended at the same moment. What the word sounds like is taken to be
 * the same after each of them, though its first phone depends on what was said before.
 */
import type { OpenWords, Standing } from './open-words.ts'
import { ROOT, type WordHistory } from './word-history.ts'

/** More of them change hardly a word. */
const MOST = 8
/** So many are remembered: words are rarely longer than that many frames. */
const MOST_PLACES = 256
/** More than any network has. */
const WORDS = 2 ** 22

export interface Rival {
  readonly record: number
  /** Of the best path that ends with it (nats). */
  readonly score: number
  readonly standing: Standing
}

/** What a word follows best, and the score of both, all but the word's sound (nats). */
export interface Followed {
  readonly record: number
  readonly score: number
}

/** Where and when words end that others may follow. */
export interface Place {
  /** They differ in their last two words; best first. */
  readonly rivals: readonly Rival[]
  /** What was found for words before: a word ends in many frames, and follows the same in all of them. */
  readonly followed: Map<number, Followed>
}

export class Rivals {
  readonly #history: WordHistory
  readonly #open: OpenWords
  readonly #gain: (word: number, record: number) => number
  readonly #stateCount: number
  readonly #known = new Map<number, Place>()
  #root: Place

  /** `gain` is what a call's bias list adds to a word after a record. */
  constructor(
    history: WordHistory,
    o: {
      readonly open: OpenWords
      readonly gain: (word: number, record: number) => number
      readonly stateCount: number
    },
  ) {
    this.#history = history
    this.#open = o.open
    this.#gain = o.gain
    this.#stateCount = o.stateCount
    this.#root = this.#beginning()
  }

  /** What ends when and where `record` does, itself among it or something better; before the first word there is only that. */
  of(record: number): Place {
    const history = this.#history
    if (record < 0) return this.#root
    const place = history.frame(record) * this.#stateCount + history.state(record, ROOT)
    const known = this.#known.get(place)
    if (known !== undefined) return known
    const found = { rivals: this.#found(record), followed: new Map<number, Followed>() }
    if (this.#known.size === MOST_PLACES) this.#forgetOldest()
    this.#known.set(place, found)
    return found
  }

  /** What an open word follows best at a place. */
  followed(place: Place, word: number): Followed {
    const known = place.followed.get(word)
    if (known !== undefined) return known
    let best: Followed = { record: ROOT, score: -Infinity }
    for (const { record, score, standing } of place.rivals) {
      const total = score + this.#open.score(standing, word) + this.#gain(word, record)
      if (total > best.score) best = { record, score: total }
    }
    place.followed.set(word, best)
    return best
  }

  /** Records were numbered anew, or forgotten. */
  clear(): void {
    this.#known.clear()
    this.#root = this.#beginning()
  }

  #beginning(): Place {
    const standing = this.#open.after(this.#history, ROOT)
    return { rivals: [{ record: ROOT, score: 0, standing }], followed: new Map() }
  }

  #found(record: number): readonly Rival[] {
    const history = this.#history
    const [frame, state] = [history.frame(record), history.state(record, ROOT)]
    let first = record
    while (first > 0 && history.frame(first - 1) === frame) first--
    const best = new BestOfEach()
    for (let at = first; at < history.count && history.frame(at) === frame; at++) {
      const score = history.score(at)
      if (best.takes(score) && history.state(at, ROOT) === state)
        best.take({ record: at, score, words: this.#lastWords(at) })
    }
    return best.all.map(({ record: at, score }) => ({
      record: at,
      score,
      standing: this.#open.after(history, at),
    }))
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
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

interface Candidate {
  readonly record: number
  readonly score: number
  readonly words: number
}

/** The best few, one for each pair of words, best first; of hundreds hardly any get in. */
class BestOfEach {
  readonly all: Candidate[] = []

  takes(score: number): boolean {
    const worst = this.all[MOST - 1]
    return worst === undefined || score > worst.score
  }

  take(candidate: Candidate): void {
    const same = this.all.findIndex(({ words }) => words === candidate.words)
    if (same >= 0) {
      if ((this.all[same] as Candidate).score >= candidate.score) return
      this.all.splice(same, 1)
    }
    const below = this.all.findIndex(({ score }) => score < candidate.score)
    this.all.splice(below < 0 ? this.all.length : below, 0, candidate)
    if (this.all.length > MOST) this.all.pop()
  }
}
