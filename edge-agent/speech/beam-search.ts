/** Beam-pruned Viterbi over a search network, one frame at a time, on typed arrays. */
import { endingRecords } from './lattice.ts'
import { ActiveUnits, type FrameScores, GONE } from './active-units.ts'
import type { Beams } from './beams.ts'
import type { Bias } from './bias.ts'
import type { PhoneModel } from './phone-model.ts'
import type { OpenWords } from './open-words.ts'
import { Rivals } from './rivals.ts'
import { INSIDE, type SearchNetwork, TREE } from './search-network.ts'
import { type WaysOn, waysOn } from './ways-on.ts'
import { type HeardSpan, type NewRecord, NO_STATE, ROOT, TAIL, WordHistory } from './word-history.ts'

export interface BestPath {
  readonly spans: readonly HeardSpan[]
  /** Of the whole path (nats). */
  readonly score: number
  /** False when no sentence of the grammar ends here: the path is then only its most likely beginning. */
  readonly complete: boolean
  /** The lattice's record that it ends with. */
  readonly end: number
}

/** What a search has found when the audio is over. */
export interface Searched {
  readonly history: WordHistory
  /** The records with which a sentence ends now. */
  ends(): number[]
  /** The best complete sentence ending now, else the best beginning of one. */
  best(): BestPath
}

export class BeamSearch implements Searched {
  readonly #net: SearchNetwork
  #beams: Beams
  readonly #bias: Bias | null
  readonly #ways: WaysOn
  readonly #history: WordHistory
  readonly #rivals: Rivals
  readonly #units: ActiveUnits
  readonly #junctionScore: Float64Array
  readonly #junctionBack: Int32Array
  readonly #touched: Int32Array
  #touchedCount = 0
  #frame = 0
  readonly #ended: NewRecord = { word: 0, before: 0, score: 0, frame: 0, state: 0, way: 0, bias: 0 }

  constructor(
    net: SearchNetwork,
    o: { model: PhoneModel; beams: Beams; open: OpenWords; bias: Bias | null },
  ) {
    this.#net = net
    this.#beams = o.beams
    this.#bias = o.bias
    this.#ways = waysOn(net)
    this.#history = new WordHistory(this.#ways.count)
    this.#rivals = new Rivals(this.#history, {
      open: o.open,
      gain: (word, record) => this.#gain(word, record),
      stateCount: net.stateCount,
    })
    this.#units = new ActiveUnits(net, o.model.transitions)
    this.#junctionScore = new Float64Array(net.junctionCount)
    this.#junctionBack = new Int32Array(net.junctionCount)
    this.#touched = new Int32Array(net.junctionCount)
    this.restart(o.beams)
  }

  get history(): WordHistory {
    return this.#history
  }

  /** The records with which a sentence ends now. */
  ends(): number[] {
    return endingRecords(this.#history, this.#frame, (way) => this.#ways.isFinal(way))
  }

  /** Forgets everything heard; what comes is searched with these beams. */
  restart(beams: Beams): void {
    this.#beams = beams
    this.#units.clear()
    this.#junctionScore.fill(GONE)
    this.#touchedCount = 0
    this.#frame = 0
    this.#history.clear()
    this.#rivals.clear()
    for (const junction of this.#net.startJunctions) this.#reach(junction, 0, -1)
  }

  /** Takes the senone scores of the next frame (from `offset` on); `watch` sees the records from `first` on, which it made. */
  step(senones: Float32Array, offset: number, watch?: (history: WordHistory, first: number) => void): void {
    const first = this.#history.count
    const frame = { senones, offset, width: this.#beams.unit }
    this.#units.advance(frame)
    this.#openJunctions(frame)
    this.#frame++
    const threshold = this.#units.prune(this.#beams, this.#net.word)
    this.#leave(threshold, this.#units.best - this.#beams.word)
    watch?.(this.#history, first)
    if (this.#history.needsCompaction) this.#compact()
  }

  #leave(threshold: number, wordThreshold: number): void {
    const net = this.#net
    const units = this.#units
    // What is entered on the way comes after these.
    const { count } = units
    for (let place = 0; place < count; place++) {
      const u = units.unitAt(place)
      if (u < 0) continue
      const exit = units.exitAt(place)
      if (exit < threshold) continue
      const back = units.exitBackAt(place)
      const word = net.word[u] as number
      if (word === INSIDE) {
        for (let n = net.nextFirst[u] as number; n < (net.nextFirst[u + 1] as number); n++)
          units.enter(net.nextUnits[n] as number, exit, back)
      } else if (word === TREE) {
        this.#leaveTree(u, { score: exit, back, threshold, wordThreshold })
      } else if (word === TAIL) {
        const decided = this.#history.before(back)
        if (exit >= wordThreshold) this.#leaveOpen(u, { word: TAIL, entered: decided, back, score: exit })
      } else {
        this.#endWord(u, word, exit + (net.exitWeight[u] as number), back, wordThreshold)
      }
    }
  }

  #endWord(unit: number, word: number, free: number, before: number, threshold: number): void {
    const score = free + this.#gain(word, before)
    const net = this.#net
    const [first = 0, last = 0] = [net.exitFirst[unit], net.exitFirst[unit + 1]]
    if (score < threshold || first === last) return
    // What loses below is kept too: it is what n-best and posteriors are made of.
    const state = net.stateOf[net.exitJunctions[first] as number] as number
    const record = this.#record(this.#place(state, this.#ways.ofWord(unit)), word, before, score)
    for (let n = first; n < last; n++) {
      const junction = net.exitJunctions[n] as number
      if (score > (this.#junctionScore[junction] as number)) this.#reach(junction, score, record)
    }
  }

  /** On to the next phones, and to the last ones of the words that are decided here. */
  #leaveTree(
    unit: number,
    path: {
      readonly score: number
      readonly back: number
      readonly threshold: number
      readonly wordThreshold: number
    },
  ): void {
    const net = this.#net
    const { back } = path
    for (let n = net.nextFirst[unit] as number; n < (net.nextFirst[unit + 1] as number); n++) {
      const next = net.nextUnits[n] as number
      const score = path.score + (net.enterWeight[next] as number)
      if (score >= path.threshold) this.#units.enter(next, score, back)
    }
    const own = unit - net.treeFirst
    const first = net.endFirst[own] as number
    const last = net.endFirst[own + 1] as number
    if (first === last) return
    const place = this.#rivals.of(back)
    const sound = path.score - (net.ahead[own] as number) - this.#history.score(back)
    for (let n = first; n < last; n++) {
      const end = net.ends[n] as number
      const word = net.endWord[end] as number
      const followed = this.#rivals.followed(place, word)
      const score = sound + followed.score
      if (score < path.wordThreshold) continue
      const after = followed.record
      const tail = net.endTail[end] as number
      if (tail < 0) this.#leaveOpen(unit, { word, entered: after, back: after, score })
      else this.#enterTail(tail, { word, back: after, score })
    }
  }

  #enterTail(
    tail: number,
    o: { readonly word: number; readonly back: number; readonly score: number },
  ): void {
    const net = this.#net
    const entered = this.#history.state(o.back, net.startState)
    // Where it was entered is where it will go on: paths meet in a tail only when that is the same.
    const way = this.#ways.ofTail(tail, net.openFirst[entered] as number)
    const record = this.#record(this.#place(NO_STATE, way), o.word, o.back, o.score)
    for (let n = net.tailFirst[tail] as number; n < (net.tailFirst[tail + 1] as number); n++)
      this.#units.enter(net.tailUnits[n] as number, o.score, record)
  }

  /** Out of the word tree, to wherever the state that it was entered from leads. */
  #leaveOpen(
    unit: number,
    o: { readonly word: number; readonly entered: number; readonly back: number; readonly score: number },
  ): void {
    const net = this.#net
    const from = this.#history.state(o.entered, net.startState)
    const own = unit - net.treeFirst
    const size = net.phoneCount
    for (let k = net.openFirst[from] as number; k < (net.openFirst[from + 1] as number); k++) {
      const score = o.score + (net.openWeight[k] as number)
      const state = net.openTo[k] as number
      const way = this.#ways.ofOpenWord(own, k)
      const record = this.#record(this.#place(state, way), o.word, o.back, score)
      const row = (k * size + (net.phone[unit] as number)) * size
      for (let n = net.rightFirst[own] as number; n < (net.rightFirst[own + 1] as number); n++) {
        const junction = net.openJunctions[row + (net.rightPhones[n] as number)] as number
        if (junction >= 0 && score > (this.#junctionScore[junction] as number))
          this.#reach(junction, score, record)
      }
    }
  }

  #gain(word: number, back: number): number {
    return this.#bias === null || word < 0 ? 0 : this.#bias.gain(this.#history.bias(back), word)
  }

  #place(state: number, way: number): NewRecord {
    this.#ended.state = state
    this.#ended.way = way
    return this.#ended
  }

  #record(record: NewRecord, word: number, before: number, score: number): number {
    const stood = this.#history.bias(before)
    record.word = word
    record.before = before
    record.score = score
    record.frame = this.#frame
    record.bias = this.#bias === null || word < 0 ? stood : this.#bias.after(stood, word)
    return this.#history.push(record)
  }

  #reach(junction: number, score: number, back: number): void {
    if (this.#junctionScore[junction] === GONE) this.#touched[this.#touchedCount++] = junction
    this.#junctionScore[junction] = score
    this.#junctionBack[junction] = back
  }

  /** On from the words that ended a frame ago. Done only now, because most of what may begin falls out by its first sound. */
  #openJunctions(frame: FrameScores): void {
    const net = this.#net
    for (let i = 0; i < this.#touchedCount; i++) {
      const junction = this.#touched[i] as number
      const path = {
        score: this.#junctionScore[junction] as number,
        back: this.#junctionBack[junction] as number,
        from: net.entryFirst[junction] as number,
        to: net.entryFirst[junction + 1] as number,
      }
      this.#units.begin(path, frame)
      this.#junctionScore[junction] = GONE
    }
    this.#touchedCount = 0
  }

  /** The records that paths still alive stand on; -1 while one has no word yet. */
  live(): Set<number> {
    const live = new Set<number>()
    this.#units.eachBack((back) => live.add(back))
    for (let i = 0; i < this.#touchedCount; i++)
      live.add(this.#junctionBack[this.#touched[i] as number] as number)
    return live
  }

  #compact(): void {
    this.#rivals.clear()
    const number = this.#history.compact(this.live(), this.#frame)
    const moved = (old: number) => (old < 0 ? old : (number[old] ?? -1))
    this.#units.renumber(moved)
    for (let i = 0; i < this.#touchedCount; i++) {
      const junction = this.#touched[i] as number
      this.#junctionBack[junction] = moved(this.#junctionBack[junction] as number)
    }
  }

  /** The best complete sentence ending now, else the best beginning of one. */
  best(): BestPath {
    let score = GONE
    let back = -1
    for (let i = 0; i < this.#touchedCount; i++) {
      const junction = this.#touched[i] as number
      if (this.#net.isFinal[junction] === 0 || (this.#junctionScore[junction] as number) <= score) continue
      score = this.#junctionScore[junction] as number
      back = this.#junctionBack[junction] as number
    }
    if (back >= 0) return { spans: this.#history.trace(back), score, complete: true, end: back }
    return { ...this.running(), complete: false, end: ROOT }
  }

  /** The most likely words so far, whether or not a sentence could end here. */
  running(): { spans: HeardSpan[]; score: number } {
    const { score, back } = this.#units.leader()
    return { spans: back < 0 ? [] : this.#history.trace(back), score }
  }
}
