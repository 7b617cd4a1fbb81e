/**
 * How much the sound changes while something is said: who speaks moves from sound to sound many times a second, and swells and
 * fades with each syllable. What rings, hums or murmurs does neither as much.
 */
import { CEPSTRA, type Frame } from './front-end.ts'
import type { Span } from './voiced-frames.ts'

/** Added to a frame's level before its logarithm is taken, so that digital silence has one. */
const LEAST_LEVEL = 1e-6

export class SoundChanges {
  /** Of each frame: how far its cepstra are from those of the frame before (sum of magnitudes), and its level (nats). */
  readonly #moved: number[] = []
  readonly #level: number[] = []
  readonly #before = new Float64Array(CEPSTRA)

  push({ cepstra, level }: Pick<Frame, 'cepstra' | 'level'>): void {
    let moved = 0
    // The first cepstrum is the loudness; of the first frame nothing was before.
    for (let i = 1; i < CEPSTRA && this.#moved.length > 0; i++)
      moved += Math.abs((cepstra[i] as number) - (this.#before[i] as number))
    this.#moved.push(moved)
    this.#level.push(Math.log(level + LEAST_LEVEL))
    this.#before.set(cepstra)
  }

  /** How far the cepstra of the spans' frames are from those of the frame before, on average; 0 where there are no frames. */
  movement(spans: readonly Span[]): number {
    return mean(this.#moved, spans, (value) => value)
  }

  /** Standard deviation of the level over the spans' frames (nats). */
  levelSpread(spans: readonly Span[]): number {
    const middle = mean(this.#level, spans, (value) => value)
    return Math.sqrt(mean(this.#level, spans, (value) => (value - middle) ** 2))
  }
}

function mean(values: readonly number[], spans: readonly Span[], of: (value: number) => number): number {
  let sum = 0
  let count = 0
  for (const { from, to } of spans)
    for (let at = from; at < Math.min(to, values.length); at++) {
      sum += of(values[at] as number)
      count++
    }
  return sum / Math.max(1, count)
}
