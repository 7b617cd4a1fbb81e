/**
 * The units in which paths are alive, packed: what a frame reads and writes of each lies side by side, however large the network.
 * A unit keeps its place until the next frame, and places keep the order in which units were entered, so that ties go the same way.
 */
import { type Beams, widthFor } from './beams.ts'
import type { SearchNetwork } from './search-network.ts'

/** Where no path is (nats). */
export const GONE = -1e30
const NOWHERE = -1

type Searched = Pick<SearchNetwork, 'phone' | 'senones' | 'unitCount' | 'entryUnits' | 'enterWeight'>

/** Scores of senones from `offset` on; what is entered and lies further than `width` below others is gone. */
export interface FrameScores {
  readonly senones: Float32Array
  readonly offset: number
  readonly width: number
}

export class ActiveUnits {
  readonly #net: Searched
  readonly #transitions: Float32Array
  /** Of each unit of the network: its place, or {@link NOWHERE}. */
  readonly #placeOf: Int32Array
  /** Places below were there when the frame began; those from here on were entered since. */
  #settled = 0
  #count = 0
  #best = 0
  /** Of each place: the unit, {@link NOWHERE} once it was dropped. */
  #unit = new Int32Array(1_024)
  #phone = new Uint8Array(1_024)
  /** Three states a place. */
  #senones = new Uint16Array(3 * 1_024)
  #score = new Float64Array(3 * 1_024)
  #back = new Int32Array(3 * 1_024)
  /** Of its three states the best. */
  #top = new Float64Array(1_024)
  /** The best path that enters in the next frame. */
  #entered = new Float64Array(1_024)
  #enteredBack = new Int32Array(1_024)

  constructor(net: Searched, transitions: Float32Array) {
    this.#net = net
    this.#transitions = transitions
    this.#placeOf = new Int32Array(net.unitCount).fill(NOWHERE)
  }

  /** Places that are taken; some of them may have been dropped. */
  get count(): number {
    return this.#count
  }

  /** The best score of all (nats). */
  get best(): number {
    return this.#best
  }

  /** The unit at a place, negative when it was dropped. */
  unitAt(place: number): number {
    return this.#unit[place] as number
  }

  phoneAt(place: number): number {
    return this.#phone[place] as number
  }

  /** What the path that leaves the unit now scores, and the record that it stands on. */
  exitAt(place: number): number {
    return (
      (this.#score[3 * place + 2] as number) +
      (this.#transitions[6 * (this.#phone[place] as number) + 5] as number)
    )
  }

  exitBackAt(place: number): number {
    return this.#back[3 * place + 2] as number
  }

  clear(): void {
    for (let i = 0; i < this.#count; i++) {
      const unit = this.#unit[i] as number
      if (unit >= 0) this.#placeOf[unit] = NOWHERE
    }
    this.#count = 0
    this.#settled = 0
    this.#best = 0
  }

  /** A path enters the unit in the next frame, unless a better one does. */
  enter(unit: number, score: number, back: number): void {
    const place = this.#placeOf[unit] as number
    if (place < 0) {
      if (this.#count === this.#unit.length) this.#grow()
      const fresh = this.#count++
      this.#placeOf[unit] = fresh
      this.#unit[fresh] = unit
      this.#entered[fresh] = score
      this.#enteredBack[fresh] = back
    } else if (score > (this.#entered[place] as number)) {
      this.#entered[place] = score
      this.#enteredBack[place] = back
    }
  }

  /** One frame on, for all that is alive or was entered. */
  advance(frame: FrameScores): void {
    const entered = this.#settled
    this.#best = GONE
    this.#advanceSettled(frame.senones, frame.offset)
    this.#advanceEntered(entered, frame)
  }

  /** After {@link advance}: a path enters the units of the network's entries `from` to `to` and is in their first state at once. */
  begin(
    path: { readonly score: number; readonly back: number; readonly from: number; readonly to: number },
    { senones, offset, width }: FrameScores,
  ): void {
    const { entryUnits, enterWeight, senones: own } = this.#net
    for (let n = path.from; n < path.to; n++) {
      const u = entryUnits[n] as number
      const e = path.score + (enterWeight[u] as number) + (senones[offset + (own[3 * u] as number)] as number)
      if (e < this.#best - width) continue
      const place = this.#placeOf[u] as number
      if (place < 0) {
        if (this.#count === this.#unit.length) this.#grow()
        this.#settle(this.#count++, { unit: u, score: e, back: path.back })
        this.#settled = this.#count
      } else if (e > (this.#score[3 * place] as number)) {
        this.#score[3 * place] = e
        this.#back[3 * place] = path.back
        if (e > (this.#top[place] as number)) this.#top[place] = e
      }
      if (e > this.#best) this.#best = e
    }
  }

  #advanceSettled(scores: Float32Array, offset: number): void {
    const [unit, phone, senones, score] = [this.#unit, this.#phone, this.#senones, this.#score]
    const [back, tops, entered, enteredBack] = [this.#back, this.#top, this.#entered, this.#enteredBack]
    const [transitions, placeOf, settled] = [this.#transitions, this.#placeOf, this.#settled]
    let best = GONE
    let to = 0
    for (let i = 0; i < settled; i++) {
      const u = unit[i] as number
      if (u < 0) continue
      const p = phone[i] as number
      const t = 6 * p
      const s = 3 * i
      const d = 3 * to
      const s0 = score[s] as number
      const s1 = score[s + 1] as number
      const [n0, n1, n2] = [senones[s] as number, senones[s + 1] as number, senones[s + 2] as number]
      let a = (score[s + 2] as number) + (transitions[t + 4] as number)
      let aBack = back[s + 2] as number
      let cBack = back[s + 1] as number
      let eBack = back[s] as number
      const b = s1 + (transitions[t + 3] as number)
      if (b > a) {
        a = b
        aBack = cBack
      }
      a += scores[offset + n2] as number
      let c = s1 + (transitions[t + 2] as number)
      const g = s0 + (transitions[t + 1] as number)
      if (g > c) {
        c = g
        cBack = eBack
      }
      c += scores[offset + n1] as number
      let e = s0 + (transitions[t] as number)
      const f = entered[i] as number
      if (f > e) {
        e = f
        eBack = enteredBack[i] as number
      }
      e += scores[offset + n0] as number
      if (to !== i) {
        unit[to] = u
        placeOf[u] = to
        phone[to] = p
        senones[d] = n0
        senones[d + 1] = n1
        senones[d + 2] = n2
      }
      score[d] = e
      score[d + 1] = c
      score[d + 2] = a
      back[d] = eBack
      back[d + 1] = cBack
      back[d + 2] = aBack
      entered[to] = GONE
      const top = a > c ? (a > e ? a : e) : c > e ? c : e
      tops[to] = top
      if (top > best) best = top
      to++
    }
    this.#settled = to
    this.#best = best
  }

  /** Of units that were entered only the first state is alive. Most fall out at once: all else of them is filled in when they stay. */
  #advanceEntered(from: number, { senones, offset, width }: FrameScores): void {
    const [unit, entered, enteredBack, placeOf] = [
      this.#unit,
      this.#entered,
      this.#enteredBack,
      this.#placeOf,
    ]
    const own = this.#net.senones
    const count = this.#count
    let best = this.#best
    let to = this.#settled
    for (let i = from; i < count; i++) {
      const u = unit[i] as number
      const e = (entered[i] as number) + (senones[offset + (own[3 * u] as number)] as number)
      // The best of all is at least this good: it would be dropped before anything is made of it.
      if (e < best - width) {
        placeOf[u] = NOWHERE
        continue
      }
      this.#settle(to++, { unit: u, score: e, back: enteredBack[i] as number })
      if (e > best) best = e
    }
    this.#settled = to
    this.#count = to
    this.#best = best
  }

  /** Fills a place with a unit of which only the first state is alive. */
  #settle(
    place: number,
    path: { readonly unit: number; readonly score: number; readonly back: number },
  ): void {
    const { senones, phone } = this.#net
    const [s, u] = [3 * place, path.unit]
    this.#unit[place] = u
    this.#placeOf[u] = place
    this.#phone[place] = phone[u] as number
    this.#senones[s] = senones[3 * u] as number
    this.#senones[s + 1] = senones[3 * u + 1] as number
    this.#senones[s + 2] = senones[3 * u + 2] as number
    this.#score[s] = path.score
    this.#score[s + 1] = GONE
    this.#score[s + 2] = GONE
    this.#back[s] = path.back
    this.#entered[place] = GONE
    this.#top[place] = path.score
  }

  /**
   * Drops all units that lie too far behind the best; gives the score below which they did. By `word` (of each unit: what it is the
   * last of, negative for nothing) those drop sooner that end a word: there is one for each group of phones that may follow, most of
   * all that is alive, and only those that the word may end with soon matter.
   */
  prune(beams: Beams, word?: Int32Array): number {
    const count = this.#count
    const width =
      count <= beams.maxUnits ? beams.unit : widthFor(this.#top.subarray(0, count), this.#best, beams)
    const threshold = this.#best - width
    const endThreshold = word === undefined ? threshold : this.#best - Math.min(width, beams.word)
    for (let i = 0; i < count; i++) {
      const top = this.#top[i] as number
      if (top >= endThreshold) continue
      const unit = this.#unit[i] as number
      if (top >= threshold && (word?.[unit] ?? -1) < 0) continue
      this.#placeOf[unit] = NOWHERE
      this.#unit[i] = NOWHERE
    }
    return threshold
  }

  /** Takes each record that a path stands on. */
  eachBack(take: (back: number) => void): void {
    for (let i = 0; i < this.#count; i++) {
      if ((this.#unit[i] as number) < 0) continue
      if (i < this.#settled)
        for (let s = 3 * i; s < 3 * i + 3; s++)
          if ((this.#score[s] as number) > GONE / 2) take(this.#back[s] as number)
      if (this.#isEntered(i)) take(this.#enteredBack[i] as number)
    }
  }

  /** Gives each record that a path stands on a new number. */
  renumber(moved: (back: number) => number): void {
    for (let i = 0; i < this.#count; i++) {
      if (i < this.#settled)
        for (let s = 3 * i; s < 3 * i + 3; s++) this.#back[s] = moved(this.#back[s] as number)
      if (this.#isEntered(i)) this.#enteredBack[i] = moved(this.#enteredBack[i] as number)
    }
  }

  /** The best path of all: its score and the record that it stands on, -1 for none. */
  leader(): { score: number; back: number } {
    let [score, back] = [GONE, -1]
    for (let i = 0; i < this.#settled; i++) {
      if ((this.#unit[i] as number) < 0) continue
      for (let s = 3 * i; s < 3 * i + 3; s++) {
        if ((this.#score[s] as number) <= score) continue
        score = this.#score[s] as number
        back = this.#back[s] as number
      }
    }
    return { score, back }
  }

  #isEntered(place: number): boolean {
    return this.#entered[place] !== GONE
  }

  #grow(): void {
    this.#unit = longer(this.#unit, new Int32Array(2 * this.#unit.length))
    this.#phone = longer(this.#phone, new Uint8Array(2 * this.#phone.length))
    this.#senones = longer(this.#senones, new Uint16Array(2 * this.#senones.length))
    this.#score = longer(this.#score, new Float64Array(2 * this.#score.length))
    this.#back = longer(this.#back, new Int32Array(2 * this.#back.length))
    this.#top = longer(this.#top, new Float64Array(2 * this.#top.length))
    this.#entered = longer(this.#entered, new Float64Array(2 * this.#entered.length))
    this.#enteredBack = longer(this.#enteredBack, new Int32Array(2 * this.#enteredBack.length))
  }
}

function longer<T extends Int32Array | Uint8Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
