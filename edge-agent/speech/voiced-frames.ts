/** The frames in which a voice was heard, and what they say of the sound: a voice swells, what is struck or plucked rings off. */

/** Frames by which the edges of a word may be off. */
const EDGE = 5
/** Shorter runs of voiced frames are too short to have a shape. */
const LEAST_RUN = 6
/** A frame counts as loud when it is no further below the middle one of what it is compared with (nats). */
const LOUD = 0.5
/** Where a sound has no run with a shape. */
const NO_SHAPE = 0.3

export interface Span {
  readonly from: number
  readonly to: number
}

export class VoicedFrames {
  /** Frame numbers, ascending, and the level of each. */
  readonly #at: number[] = []
  readonly #level: number[] = []

  add(frame: number, level: number): void {
    this.#at.push(frame)
    this.#level.push(level)
  }

  /** The share of the voiced frames that lie within EDGE of one of the spans; 1 when there are none. */
  shareWithin(spans: readonly Span[]): number {
    if (this.#at.length === 0) return 1
    const inside = this.#at.filter((at) => isWithin(at, spans, EDGE))
    return inside.length / this.#at.length
  }

  /** The share of the spans' frames that are voiced, 0 to 1. */
  shareOf(spans: readonly Span[]): number {
    const length = spans.reduce((sum, { from, to }) => sum + to - from, 0)
    const voiced = this.#at.filter((at) => isWithin(at, spans, 0))
    return voiced.length / Math.max(1, length)
  }

  /**
   * How much of a sentence's voice lies between its words: of the voiced frames in the spans, and of those between the first and the
   * last that are no quieter, the share of the latter. Noise behind a speaker is seldom as loud; other words are.
   */
  loudShareBetween(spans: readonly Span[]): number {
    const inside = this.#level
      .filter((_, i) => isWithin(this.#at[i] as number, spans, 0))
      .toSorted((a, b) => a - b)
    const least = (inside[Math.floor(inside.length / 2)] ?? 0) * Math.exp(-LOUD)
    const whole = [{ from: spans[0]?.from ?? 0, to: spans.at(-1)?.to ?? 0 }]
    const between = this.#at.filter(
      (at, i) => (this.#level[i] as number) > least && isWithin(at, whole, 0) && !isWithin(at, spans, EDGE),
    )
    return between.length / Math.max(1, inside.length + between.length)
  }

  /** Where in a run of voiced frames it is loudest, 0 (its first frame) to 1, over the runs inside the spans by their length. */
  loudestAt(spans: readonly Span[]): number {
    let sum = 0
    let weight = 0
    for (const { start, end, loudest } of this.#runs(spans)) {
      if (end - start < LEAST_RUN) continue
      sum += loudest - start
      weight += end - start
    }
    return weight === 0 ? NO_SHAPE : sum / weight
  }

  *#runs(spans: readonly Span[]): Generator<{ start: number; end: number; loudest: number }> {
    let start = 0
    for (let i = 0; i < this.#at.length; i++) {
      const at = this.#at[i] as number
      const isInside = isWithin(at, spans, 0)
      if (!isInside) {
        start = i + 1
        continue
      }
      if (this.#at[i + 1] === at + 1 && isWithin(at + 1, spans, 0)) continue
      let loudest = start
      for (let k = start; k <= i; k++)
        if ((this.#level[k] as number) > (this.#level[loudest] as number)) loudest = k
      yield { start, end: i + 1, loudest }
      start = i + 1
    }
  }
}

/** Whether a frame lies in one of the spans, or within `edge` frames of it. */
function isWithin(at: number, spans: readonly Span[], edge: number): boolean {
  return spans.some(({ from, to }) => at >= from - edge && at < to + edge)
}
