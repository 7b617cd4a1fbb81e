/** Streaming sample-rate conversion by a windowed sinc (Kaiser), for any pair of rates. */

/** Zero crossings on each side; with beta 8 the stop band lies about 80 dB down. */
const CROSSINGS = 16
const BETA = 8
/** Of the lower Nyquist frequency: leaves the filter room to fall. */
const PASS = 0.95
/** Filters kept for this many fractional positions; enough to be exact for all usual rates. */
const PHASES = 960

export class Resampler {
  readonly #step: number
  readonly #half: number
  readonly #filters: readonly Float32Array[]
  readonly #same: boolean
  #buffer: Float32Array
  #held: number
  /** Position of the next output, in input samples from the start of the buffer. */
  #position: number

  constructor(fromHz: number, toHz: number) {
    this.#same = fromHz === toHz
    this.#step = fromHz / toHz
    const cutoff = PASS * Math.min(1, toHz / fromHz)
    this.#half = Math.ceil(CROSSINGS / cutoff)
    this.#filters = this.#same
      ? []
      : Array.from({ length: PHASES + 1 }, (_, phase) => filter(phase / PHASES, cutoff, this.#half))
    this.#buffer = new Float32Array(8_192)
    // Silence stands before the first sample, so that the output is not delayed.
    this.#held = this.#half
    this.#position = this.#half
  }

  push(input: Float32Array): Float32Array {
    if (this.#same) return input
    this.#append(input)
    const count = Math.max(0, Math.ceil((this.#held - this.#half - this.#position) / this.#step))
    const out = new Float32Array(count)
    let made = 0
    while (this.#position + this.#half < this.#held && made < count) {
      out[made++] = this.#at(this.#position)
      this.#position += this.#step
    }
    const done = Math.max(0, Math.floor(this.#position) - this.#half)
    this.#buffer.copyWithin(0, done, this.#held)
    this.#held -= done
    this.#position -= done
    return made === count ? out : out.subarray(0, made)
  }

  /** What is left inside the filter. */
  finish(): Float32Array {
    return this.#same ? new Float32Array(0) : this.push(new Float32Array(this.#half))
  }

  #at(position: number): number {
    const base = Math.floor(position)
    const taps = this.#filters[Math.round((position - base) * PHASES)] as Float32Array
    const start = base - this.#half + 1
    let sum = 0
    for (let i = 0; i < taps.length; i++) sum += (taps[i] as number) * (this.#buffer[start + i] ?? 0)
    return sum
  }

  #append(input: Float32Array): void {
    if (this.#held + input.length > this.#buffer.length) {
      const larger = new Float32Array(Math.max(2 * this.#buffer.length, this.#held + input.length))
      larger.set(this.#buffer.subarray(0, this.#held))
      this.#buffer = larger
    }
    this.#buffer.set(input, this.#held)
    this.#held += input.length
  }
}

function filter(fraction: number, cutoff: number, half: number): Float32Array {
  return Float32Array.from({ length: 2 * half }, (_, i) => {
    const x = i - half + 1 - fraction
    const edge = x / half
    if (Math.abs(edge) >= 1) return 0
    const angle = Math.PI * x * cutoff
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle
    return (cutoff * sinc * bessel(BETA * Math.sqrt(1 - edge * edge))) / bessel(BETA)
  })
}

function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; k < 30; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}
