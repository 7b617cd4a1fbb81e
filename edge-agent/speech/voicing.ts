/**
 * How strongly a frame is voiced: the peak of the normalised autocorrelation at the periods of human pitch, over the last
 * 40 ms at 4 kHz. Noise of any colour has no such peak, so words are never made up from it.
 */

const DECIMATION = 4
/** At 4 kHz. */
const WINDOW = 160
const SHORTEST = 10
const LONGEST = 57
/** Flattens the tilt of pink and brown noise, whose neighbouring samples are alike without any pitch. */
const PRE_EMPHASIS = 0.97

export class Voicing {
  readonly #history = new Float64Array(WINDOW + LONGEST)
  #before = 0

  /** Takes the next 10 ms (160 samples at 16 kHz, from `start` on) and gives 0 (none) to 1 (purely periodic). */
  push(samples: Float64Array, start: number, count: number): number {
    const fresh = count / DECIMATION
    this.#history.copyWithin(0, fresh)
    for (let i = 0; i < fresh; i++) {
      let sum = 0
      for (let k = 0; k < DECIMATION; k++) sum += samples[start + DECIMATION * i + k] as number
      this.#history[this.#history.length - fresh + i] = sum - PRE_EMPHASIS * this.#before
      this.#before = sum
    }
    return this.#peak()
  }

  #peak(): number {
    const x = this.#history
    const from = LONGEST
    let energy = 0
    for (let i = from; i < from + WINDOW; i++) energy += (x[i] as number) ** 2
    let shifted = energy
    for (let i = 1; i <= SHORTEST - 1; i++)
      shifted += (x[from - i] as number) ** 2 - (x[from + WINDOW - i] as number) ** 2
    let best = 0
    let dipped = false
    for (let lag = SHORTEST; lag <= LONGEST; lag++) {
      shifted += (x[from - lag] as number) ** 2 - (x[from + WINDOW - lag] as number) ** 2
      let sum = 0
      for (let i = from; i < from + WINDOW; i++) sum += (x[i] as number) * (x[i - lag] as number)
      const value = sum / Math.sqrt(energy * shifted + 1e-9)
      // A peak stands between dips; what only falls from lag zero is a tilted spectrum.
      if (value < 0.3) dipped = true
      if (dipped && value > best) best = value
    }
    return best
  }
}
