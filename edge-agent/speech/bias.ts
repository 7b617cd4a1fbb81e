/**
 * Phrases that are likelier in one call than by themselves: names, parts. A phrase gains when its last word is said: one that
 * is begun and not ended must gain nothing, or it would win where paths meet before that is known.
 */
import { type SearchNetwork, wordAt } from './search-network.ts'

/** More would make each word's end dearer than the search itself. */
export const MAX_BIAS_PHRASES = 5_000
/** Nats a word: about what the language model's favourite has over a rare word. */
const USUAL_BOOST = 20

export interface BiasList {
  readonly phrases: readonly string[]
  /** Nats a word of a phrase. */
  readonly boost?: number
}

/** Before any phrase. */
export const NO_BIAS = 0

const wordsOfNetwork = new WeakMap<SearchNetwork, ReadonlyMap<string, readonly number[]>>()

export class Bias {
  /** Word of the network -> the same number for the same text; words of no phrase are not in it. */
  readonly #token = new Map<number, number>()
  readonly #next = new Map<number, number>()
  /** What a path gains that comes to a node: nothing inside a phrase. */
  readonly #gain: number[] = [0]

  constructor(net: SearchNetwork, list: BiasList) {
    const boost = list.boost ?? USUAL_BOOST
    const indices = indicesOf(net)
    const tokens = new Map<string, number>()
    for (const phrase of list.phrases.slice(0, MAX_BIAS_PHRASES)) {
      const words = phrase
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== '')
      // A phrase with a word that cannot be heard here would only ever be begun.
      if (words.length === 0 || !words.every((word) => indices.has(word))) continue
      let node = NO_BIAS
      for (const word of words) {
        const token = tokens.get(word) ?? tokens.size
        tokens.set(word, token)
        for (const index of indices.get(word) ?? []) this.#token.set(index, token)
        const below = this.#next.get(node * SPAN + token) ?? this.#gain.length
        if (below === this.#gain.length) {
          this.#gain.push(0)
          this.#next.set(node * SPAN + token, below)
        }
        node = below
      }
      this.#gain[node] = boost * words.length
    }
  }

  /** Where a path that stood at `node` stands after the word. */
  after(node: number, word: number): number {
    const token = this.#token.get(word)
    if (token === undefined) return NO_BIAS
    return this.#next.get(node * SPAN + token) ?? this.#next.get(NO_BIAS + token) ?? NO_BIAS
  }

  /** What the word gains on a path that stands at `node` (nats). */
  gain(node: number, word: number): number {
    return this.#gain[this.after(node, word)] ?? 0
  }
}

/** More words than all phrases of a list have together. */
const SPAN = 1 << 20

function indicesOf(net: SearchNetwork): ReadonlyMap<string, readonly number[]> {
  const known = wordsOfNetwork.get(net)
  if (known !== undefined) return known
  const found = new Map<string, number[]>()
  for (let index = 0; index < net.wordOpen.length; index++) {
    const text = wordAt(net, index)?.text ?? ''
    const list = found.get(text)
    if (list === undefined) found.set(text, [index])
    else list.push(index)
  }
  wordsOfNetwork.set(net, found)
  return found
}
