/**
 * Spectral subtraction on mel bands, as the acoustic model's training front end did it: noise is the slow lower envelope
 * of the smoothed power (Doblinger 1995), weak bands after a loud one are masked (PNCC, Kim and Stern 2012), and the
 * resulting gain is smoothed over neighbouring bands. The constants belong to the model: other values cost accuracy.
 */
const POWER_SMOOTHING = 0.7
const RISE = 0.995
const FALL = 0.5
const MASK_DECAY = 0.85
const MASK_LEVEL = 0.2
const GAIN_RANGE = 20
const NEIGHBOURS = 4

export class NoiseTracker {
  readonly #bands: number
  readonly #power: Float64Array
  readonly #noise: Float64Array
  readonly #floor: Float64Array
  readonly #peak: Float64Array
  readonly #signal: Float64Array
  readonly #gain: Float64Array
  #started = false

  constructor(bands: number) {
    this.#bands = bands
    const make = () => new Float64Array(bands)
    this.#power = make()
    this.#noise = make()
    this.#floor = make()
    this.#peak = make()
    this.#signal = make()
    this.#gain = make()
  }

  /** The power of the noise in each band, as tracked so far. */
  get level(): Float64Array {
    return this.#noise
  }

  /** Attenuates the noise in one frame's mel energies, in place; returns the mean log of power over noise (nats). */
  clean(mel: Float64Array): number {
    if (!this.#started) this.#start(mel)
    const count = this.#bands
    let ratio = 0
    for (let i = 0; i < count; i++) {
      const power = POWER_SMOOTHING * at(this.#power, i) + (1 - POWER_SMOOTHING) * at(mel, i)
      this.#power[i] = power
      const noise = follow(at(this.#noise, i), power)
      this.#noise[i] = noise
      ratio += Math.log((power + 1) / (noise + 1))
      const signal = Math.max(power - noise, 1)
      const floor = follow(at(this.#floor, i), signal)
      this.#floor[i] = floor
      this.#signal[i] = Math.max(this.#mask(i, signal), floor)
      this.#gain[i] = Math.min(
        Math.max(at(this.#signal, i) / Math.max(power, 1e-20), 1 / GAIN_RANGE),
        GAIN_RANGE,
      )
    }
    this.#apply(mel)
    return ratio / count
  }

  #start(mel: Float64Array): void {
    this.#started = true
    for (let i = 0; i < this.#bands; i++) {
      this.#power[i] = at(mel, i)
      this.#noise[i] = at(mel, i) / GAIN_RANGE
      this.#floor[i] = at(mel, i) / GAIN_RANGE
    }
  }

  #mask(band: number, signal: number): number {
    const peak = at(this.#peak, band) * MASK_DECAY
    this.#peak[band] = Math.max(peak, signal)
    return signal < MASK_DECAY * peak ? peak * MASK_LEVEL : signal
  }

  #apply(mel: Float64Array): void {
    const last = this.#bands - 1
    for (let i = 0; i <= last; i++) {
      const from = Math.max(0, i - NEIGHBOURS)
      const to = Math.min(last, i + NEIGHBOURS)
      let sum = 0
      for (let j = from; j <= to; j++) sum += at(this.#gain, j)
      mel[i] = at(mel, i) * (sum / (to - from + 1))
    }
  }
}

function follow(level: number, value: number): number {
  const keep = value >= level ? RISE : FALL
  return keep * level + (1 - keep) * value
}

function at(values: Float64Array, index: number): number {
  return values[index] as number
}
