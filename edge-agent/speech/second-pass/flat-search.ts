/**
 * Viterbi over few words, each a chain of its own: the language model counts where a word begins, and of each word the best moment to
 * begin and the best word before it are found together. The word tree, which is entered before its word is known, can only come near
 * that.
 */
import { ActiveUnits, type FrameScores } from '../active-units.ts'
import type { Beams } from '../beams.ts'
import type { BestPath, Searched } from '../beam-search.ts'
import type { Bias } from '../bias.ts'
import { endingRecords } from '../lattice.ts'
import type { OpenWords, Standing } from '../open-words.ts'
import type { PhoneModel } from '../phone-model.ts'
import type { SearchNetwork } from '../search-network.ts'
import { type WaysOn, waysOn } from '../ways-on.ts'
import { type HeardSpan, type NewRecord, ROOT, WordHistory } from '../word-history.ts'
import { type Chain, Chains } from './chains.ts'
import { type TreePaths, treePaths } from './tree-paths.ts'

/** What the language model said is remembered for so many pairs of words. */
const MOST_STANDINGS = 4_096

/** A word or a pause that ended: others may follow it. */
interface Exit {
  readonly record: number
  readonly score: number
  /** The sentence state that it leads to. */
  readonly state: number
  readonly phone: number
  /** 1 for each phone that may follow; null for any. */
  readonly rights: Uint8Array | null
}

/** An exit, and what the language model says after it. */
interface Before {
  readonly record: number
  readonly score: number
  readonly left: number
  readonly standing: Standing
  /** Of words: what was found so far (nats). */
  readonly scores: Map<number, number>
}

export class FlatSearch implements Searched {
  readonly #net: SearchNetwork
  readonly #beams: Beams
  readonly #bias: Bias | null
  readonly #open: OpenWords
  readonly #silence: number
  readonly #paths: TreePaths
  readonly #ways: WaysOn
  readonly #history: WordHistory
  readonly #chains: Chains
  readonly #units: ActiveUnits
  readonly #scores = new Map<number, Map<number, number>>()
  #exits: Exit[] = []
  #frame = 0
  readonly #ended: NewRecord = { word: 0, before: 0, score: 0, frame: 0, state: 0, way: 0, bias: 0 }

  constructor(
    net: SearchNetwork,
    o: { model: PhoneModel; beams: Beams; open: OpenWords; bias: Bias | null },
  ) {
    this.#net = net
    this.#beams = o.beams
    this.#bias = o.bias
    this.#open = o.open
    this.#silence = o.model.silence
    this.#paths = treePaths(net)
    this.#ways = waysOn(net)
    this.#history = new WordHistory(this.#ways.count)
    this.#chains = new Chains(net, this.#paths)
    this.#units = new ActiveUnits(this.#chains, o.model.transitions)
    this.restart()
  }

  get history(): WordHistory {
    return this.#history
  }

  /** Forgets everything heard. */
  restart(): void {
    this.#units.clear()
    this.#chains.clear()
    this.#history.clear()
    this.#frame = 0
    this.#exits = [
      { record: ROOT, score: 0, state: this.#net.startState, phone: this.#silence, rights: null },
    ]
  }

  /** Takes the senone scores of the next frame (from `offset` on), in which no words may begin but these. */
  step(senones: Float32Array, offset: number, words: Iterable<number>): void {
    const frame = { senones, offset, width: this.#beams.unit }
    this.#units.advance(frame)
    this.#begin(frame, words)
    this.#frame++
    const threshold = this.#units.prune(this.#beams)
    this.#leave(threshold, this.#units.best - this.#beams.word)
    if (this.#history.needsCompaction) this.#compact()
  }

  #begin(frame: FrameScores, words: Iterable<number>): void {
    if (this.#exits.length === 0) return
    this.#exits.sort((one, other) => other.score - one.score)
    const before: (readonly Before[] | undefined)[] = []
    for (const word of words)
      for (const end of this.#paths.spoken(word)) {
        const chain = this.#chains.chain(end, this.#frame)
        if (chain === undefined) continue
        const { firstPhone } = chain
        const exits = (before[firstPhone] ??= this.#exitsBefore(firstPhone))
        this.#beginWord(chain, exits, frame)
      }
    for (const unit of this.#chains.pauses) this.#beginPause(unit, frame)
  }

  /** What a word with this first phone may follow, best first: of all that end in the same two words one. */
  #exitsBefore(phone: number): readonly Before[] {
    const found: Before[] = []
    const known = new Set<Map<number, number>>()
    for (const { record, score, phone: left, rights } of this.#exits) {
      if (rights !== null && rights[phone] === 0) continue
      const standing = this.#open.after(this.#history, record)
      const scores = this.#scoresAfter(standing)
      if (known.has(scores)) continue
      known.add(scores)
      found.push({ record, score, left, standing, scores })
    }
    return found
  }

  #beginWord({ word, headsAfter, from }: Chain, exits: readonly Before[], frame: FrameScores): void {
    let best = -Infinity
    let exit: Before | undefined
    for (const before of exits) {
      // Nothing is likelier than certain: what follows scores less, whatever the language model says.
      if (this.#bias === null && before.score <= best) break
      const score = before.score + this.#after(before, word) + this.#gain(word, before.record)
      if (score <= best) continue
      best = score
      exit = before
    }
    if (exit === undefined) return
    const { left, record } = exit
    for (let n = headsAfter.first[left] as number; n < (headsAfter.first[left + 1] as number); n++) {
      const unit = from + (headsAfter.values[n] as number)
      this.#units.begin({ score: best, back: record, from: unit, to: unit + 1 }, frame)
    }
  }

  #after({ standing, scores }: Before, word: number): number {
    const held = scores.get(word)
    if (held !== undefined) return held
    const score = this.#open.score(standing, word)
    scores.set(word, score)
    return score
  }

  #beginPause(unit: number, frame: FrameScores): void {
    const netUnit = this.#chains.unitOf[unit] as number
    const state = this.#stateOfPause(netUnit)
    const best = this.#exits.find(
      (exit) => exit.state === state && (exit.rights === null || exit.rights[this.#silence] === 1),
    )
    if (best !== undefined)
      this.#units.begin({ score: best.score, back: best.record, from: unit, to: unit + 1 }, frame)
  }

  #stateOfPause(netUnit: number): number {
    const net = this.#net
    return net.stateOf[net.exitJunctions[net.exitFirst[netUnit] as number] as number] as number
  }

  #scoresAfter({ pair, last }: Standing): Map<number, number> {
    const key = pair >= 0 ? 2 * pair : 2 * (last + 1) + 1
    const known = this.#scores.get(key)
    if (known !== undefined) return known
    if (this.#scores.size >= MOST_STANDINGS) this.#scores.clear()
    const made = new Map<number, number>()
    this.#scores.set(key, made)
    return made
  }

  #leave(threshold: number, wordThreshold: number): void {
    const units = this.#units
    const chains = this.#chains
    this.#exits = []
    // What is entered on the way comes after these.
    const { count } = units
    for (let place = 0; place < count; place++) {
      const unit = units.unitAt(place)
      if (unit < 0) continue
      const chain = chains.chainOf(unit)
      if (chain !== undefined) chain.neededAt = this.#frame
      const score = units.exitAt(place)
      if (score < threshold) continue
      const back = units.exitBackAt(place)
      if (chain === undefined) this.#leavePause(unit, score, back)
      else if (chains.nextTo[unit] === 0) {
        if (score >= wordThreshold) this.#leaveWord(unit, chain.word, score, back)
      } else
        for (let next = chains.nextFrom[unit] as number; next < (chains.nextTo[unit] as number); next++)
          units.enter(next, score, back)
    }
  }

  #leavePause(unit: number, free: number, back: number): void {
    const netUnit = this.#chains.unitOf[unit] as number
    const score = free + (this.#net.exitWeight[netUnit] as number)
    const state = this.#stateOfPause(netUnit)
    const ended = this.#ended
    ended.word = this.#net.word[netUnit] as number
    ended.state = state
    ended.way = this.#ways.ofWord(netUnit)
    ended.bias = this.#history.bias(back)
    const record = this.#push(back, score)
    this.#exits.push({ record, score, state, phone: this.#silence, rights: null })
  }

  #leaveWord(unit: number, word: number, free: number, back: number): void {
    const net = this.#net
    const netUnit = this.#chains.unitOf[unit] as number
    const from = this.#history.state(back, net.startState)
    for (let k = net.openFirst[from] as number; k < (net.openFirst[from + 1] as number); k++) {
      const score = free + (net.openWeight[k] as number)
      const state = net.openTo[k] as number
      const stood = this.#history.bias(back)
      const ended = this.#ended
      ended.word = word
      ended.state = state
      ended.way = this.#ways.ofOpenWord(netUnit - net.treeFirst, k)
      ended.bias = this.#bias === null ? stood : this.#bias.after(stood, word)
      const record = this.#push(back, score)
      this.#exits.push({
        record,
        score,
        state,
        phone: net.phone[netUnit] as number,
        rights: this.#paths.rights(netUnit),
      })
    }
  }

  #push(before: number, score: number): number {
    this.#ended.before = before
    this.#ended.score = score
    this.#ended.frame = this.#frame
    return this.#history.push(this.#ended)
  }

  #gain(word: number, back: number): number {
    return this.#bias === null ? 0 : this.#bias.gain(this.#history.bias(back), word)
  }

  /** The records that paths still alive stand on; -1 while one has no word yet. */
  live(): Set<number> {
    const live = new Set<number>()
    this.#units.eachBack((back) => live.add(back))
    for (const { record } of this.#exits) live.add(record)
    return live
  }

  #compact(): void {
    const number = this.#history.compact(this.live(), this.#frame)
    const moved = (old: number) => (old < 0 ? old : (number[old] ?? -1))
    this.#units.renumber(moved)
    this.#exits = this.#exits.map((exit) => ({ ...exit, record: moved(exit.record) }))
  }

  /** The records with which a sentence ends now. */
  ends(): number[] {
    return endingRecords(this.#history, this.#frame, (way) => this.#ways.isFinal(way))
  }

  /** The best complete sentence ending now, else the best beginning of one. */
  best(): BestPath {
    let best = -1
    let score = -Infinity
    for (const record of this.ends()) {
      const total = this.#history.score(record) + this.#open.end(this.#open.after(this.#history, record))
      if (total <= score) continue
      best = record
      score = total
    }
    if (best >= 0) return { spans: this.#history.trace(best), score, complete: true, end: best }
    return { spans: this.running(), score: this.#units.leader().score, complete: false, end: ROOT }
  }

  /** The most likely words so far, whether or not a sentence could end here. */
  running(): HeardSpan[] {
    const { back } = this.#units.leader()
    return back < 0 ? [] : this.#history.trace(back)
  }
}
