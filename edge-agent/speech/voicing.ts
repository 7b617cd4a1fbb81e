/**
 * How strongly a frame is voiced: the peak of the normalised autocorrelation at the periods of human pitch, over the last
 * 40 ms at 4 kHz. Noise of any colour has no such peak, so words are never made up from it.
 */

const DECIMATION = 4
/** At 4 kHz. */
const WINDOW = 160
const SHORTEST = 10
const LONGEST = 57
/** Lags that one walk over the window sums up; the range of lags is a multiple of them. */
const LAGS = 4
/** Flattens the tilt of pink and brown noise, whose neighbouring samples are alike without any pitch. */
const PRE_EMPHASIS = 0.97

export class Voicing {
  readonly #history = new Float64Array(WINDOW + LONGEST)
  #before = 0
  /** Of each lag: the samples times those that much earlier. */
  readonly #products = new Float64Array(LONGEST + 1)

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

  #multiply(): void {
    const x = this.#history
    for (let lag = SHORTEST; lag <= LONGEST; lag += LAGS) {
      let [a, b, c, d] = [0, 0, 0, 0]
      for (let i = LONGEST; i < LONGEST + WINDOW; i++) {
        const sample = x[i] as number
        const at = i - lag
        a += sample * (x[at] as number)
        b += sample * (x[at - 1] as number)
        c += sample * (x[at - 2] as number)
        d += sample * (x[at - 3] as number)
      }
      this.#products[lag] = a
      this.#products[lag + 1] = b
      this.#products[lag + 2] = c
      this.#products[lag + 3] = d
    }
  }

  #peak(): number {
    const x = this.#history
    const from = LONGEST
    let energy = 0
    for (let i = from; i < from + WINDOW; i++) energy += (x[i] as number) ** 2
    let shifted = energy
    for (let i = 1; i <= SHORTEST - 1; i++)
      shifted += (x[from - i] as number) ** 2 - (x[from + WINDOW - i] as number) ** 2
    this.#multiply()
    let best = 0
    let dipped = false
    for (let lag = SHORTEST; lag <= LONGEST; lag++) {
      shifted += (x[from - lag] as number) ** 2 - (x[from + WINDOW - lag] as number) ** 2
      const value = (this.#products[lag] as number) / Math.sqrt(energy * shifted + 1e-9)
      // A peak stands between dips; what only falls from lag zero is a tilted spectrum.
      if (value < 0.3) dipped = true
      if (dipped && value > best) best = value
    }
    return best
  }
}
