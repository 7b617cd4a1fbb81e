/**
 * Open words heard once more, a second and a half behind: the first search finds which words may stand where, this one finds which of
 * them do. What was heard since is kept for it.
 */
import type { Beams } from '../beams.ts'
import type { Bias } from '../bias.ts'
import type { OpenWords } from '../open-words.ts'
import type { PhoneModel } from '../phone-model.ts'
import { PAUSE, type SearchNetwork } from '../search-network.ts'
import { stableWords } from '../stable-words.ts'
import type { HeardSpan, WordHistory } from '../word-history.ts'
import { FlatSearch } from './flat-search.ts'
import { NearbyWords } from './nearby-words.ts'

/** A word is known when it has ended: few last longer. */
const LAG_FRAMES = 150

/** Whether a network is for open words alone: no word of its own is anywhere in it. */
export function isAllOpen(net: SearchNetwork): boolean {
  return net.treeFirst < net.unitCount && net.word.subarray(0, net.treeFirst).every((word) => word === PAUSE)
}

export class SecondPass {
  readonly search: FlatSearch
  readonly #senoneCount: number
  readonly #words: NearbyWords
  /** The scores of the last frames, one after the other, in a ring. */
  readonly #scores: Float32Array
  #heard = 0
  #searched = 0

  constructor(
    net: SearchNetwork,
    o: { model: PhoneModel; beams: Beams; open: OpenWords; bias: Bias | null },
  ) {
    this.search = new FlatSearch(net, o)
    this.#senoneCount = o.model.senoneCount
    this.#words = new NearbyWords()
    this.#scores = new Float32Array(LAG_FRAMES * o.model.senoneCount)
  }

  restart(): void {
    this.search.restart()
    this.#words.clear()
    this.#heard = 0
    this.#searched = 0
  }

  /** Takes the scores of a frame that the first search has taken, and the records from `first` on that it made of it. */
  hear(senones: Float32Array, offset: number, found: WordHistory, first: number): void {
    this.#words.take(found, first)
    if (this.#heard - this.#searched === LAG_FRAMES) this.#step()
    const at = (this.#heard % LAG_FRAMES) * this.#senoneCount
    this.#scores.set(senones.subarray(offset, offset + this.#senoneCount), at)
    this.#heard++
  }

  /** Searches all that was heard. */
  finish(): void {
    while (this.#searched < this.#heard) this.#step()
  }

  /**
   * What is said so far, as indices into the network's words: as far as all paths agree by this search, after that by the first, whose
   * spans are given.
   */
  running(first: readonly HeardSpan[]): { readonly words: readonly number[]; readonly stable: number } {
    const agreed = stableWords(this.search.history, this.search.live())
    const spans = this.search.running().filter(({ word }) => word >= 0)
    const to = spans[agreed.length - 1]?.to ?? 0
    const after = first.flatMap(({ word, from, to: end }) =>
      word >= 0 && from + end >= 2 * to ? [word] : [],
    )
    return { words: [...agreed, ...after], stable: agreed.length }
  }

  #step(): void {
    const offset = (this.#searched % LAG_FRAMES) * this.#senoneCount
    this.search.step(this.#scores, offset, this.#words.near(this.#searched))
    this.#searched++
  }
}
