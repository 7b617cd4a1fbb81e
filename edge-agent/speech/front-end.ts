/**
 * Cepstra as the acoustic model was trained on (its feat.params): 25.625 ms Hamming windows every 10 ms, pre-emphasis
 * 0.97, 512-point power spectrum, 25 mel bands from 130 to 6,800 Hz with edges rounded to bins, noise removal, log,
 * orthonormal DCT to 13, lifter 22. Samples are taken on the scale of 16-bit integers.
 */
import { Fourier } from './fourier.ts'
import { NoiseTracker } from './noise-tracker.ts'
import { Voicing } from './voicing.ts'

export const SAMPLE_RATE_HZ = 16_000
export const FRAME_SHIFT = 160
export const CEPSTRA = 13
export const MEL_BANDS = 25
/** floor(0.025625 s * 16 kHz) */
const WINDOW = 410
const TRANSFORM = 512
const PRE_EMPHASIS = 0.97
const LOW_HZ = 130
const HIGH_HZ = 6_800
const LIFTER = 22
/** Frequencies are warped in proportion up to here, and so that the highest stays from there. */
const WARP_EDGE_HZ = 4_800
/** Of the Nyquist frequency. */
const PASS_BAND = 0.95
const LOG_FLOOR = 1e-4
const FULL_SCALE = 32_768

interface Band {
  readonly firstBin: number
  readonly weights: Float64Array
}

/** One frame: its cepstra, and how far its power stands above the tracked noise (mean over bands, nats). */
export interface Frame {
  readonly cepstra: Float64Array
  /** Log mel energies after noise removal. */
  readonly logBands: Float64Array
  readonly aboveNoise: number
  /** Root mean square of the frame's samples, full scale 1. */
  readonly level: number
  /** 0 to 1: how periodic the sound is at human pitch. */
  readonly voicing: number
  /** What the denoiser is shown, nats: bands over the tracked noise, the noise's colour, what was taken off. */
  readonly shown: Float32Array
}

/** Numbers of {@link Frame.shown}. */
export const SHOWN = 3 * MEL_BANDS

export class FrontEnd {
  readonly #fourier = new Fourier(TRANSFORM)
  readonly #bands = melBands()
  readonly #hamming = Float64Array.from(
    { length: WINDOW },
    (_, i) => 0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (WINDOW - 1)),
  )
  readonly #noise = new NoiseTracker(MEL_BANDS)
  readonly #voicing = new Voicing()
  readonly #frame = new Float64Array(TRANSFORM)
  readonly #power = new Float64Array(TRANSFORM / 2 + 1)
  readonly #mel = new Float64Array(MEL_BANDS)
  #pending = new Float64Array(8_192)
  #held = 0
  #before = 0

  /** Takes 16 kHz samples (full scale 1) and gives every frame that is complete. */
  push(samples: Float32Array): Frame[] {
    this.#append(samples)
    const frames: Frame[] = []
    let start = 0
    for (; start + WINDOW <= this.#held; start += FRAME_SHIFT) frames.push(this.#analyse(start))
    this.#pending.copyWithin(0, start, this.#held)
    this.#held -= start
    return frames
  }

  /** The last, zero-padded frame when at least half a shift of audio is left over. */
  finish(): Frame[] {
    if (this.#held < WINDOW - FRAME_SHIFT / 2) return []
    const rest = new Float32Array(WINDOW - this.#held)
    return this.push(rest)
  }

  #append(samples: Float32Array): void {
    const needed = this.#held + samples.length
    if (needed > this.#pending.length) {
      const larger = new Float64Array(Math.max(needed, 2 * this.#pending.length))
      larger.set(this.#pending.subarray(0, this.#held))
      this.#pending = larger
    }
    for (let i = 0; i < samples.length; i++)
      this.#pending[this.#held + i] = (samples[i] as number) * FULL_SCALE
    this.#held = needed
  }

  #analyse(start: number): Frame {
    const samples = this.#pending
    let before = this.#before
    let energy = 0
    for (let i = 0; i < WINDOW; i++) {
      const sample = samples[start + i] as number
      energy += sample * sample
      this.#frame[i] = (sample - PRE_EMPHASIS * before) * (this.#hamming[i] as number)
      before = sample
    }
    this.#before = samples[start + FRAME_SHIFT - 1] as number
    const voicing = this.#voicing.push(samples, start + WINDOW - FRAME_SHIFT, FRAME_SHIFT)
    this.#fourier.power(this.#frame, this.#power)
    for (let b = 0; b < MEL_BANDS; b++) {
      const band = this.#bands[b] as Band
      let sum = 0
      for (let k = 0; k < band.weights.length; k++)
        sum += (this.#power[band.firstBin + k] as number) * (band.weights[k] as number)
      this.#mel[b] = sum
    }
    const noisy = this.#mel.map(inNats)
    const aboveNoise = this.#noise.clean(this.#mel)
    const logBands = this.#mel.map(inNats)
    const level = Math.sqrt(energy / WINDOW) / FULL_SCALE
    const shown = shownOf(noisy, this.#noise.level.map(inNats), logBands)
    return { cepstra: cepstraOf(logBands), logBands, aboveNoise, level, voicing, shown }
  }
}

function inNats(power: number): number {
  return Math.log(power + LOG_FLOOR)
}

function shownOf(noisy: Float64Array, noise: Float64Array, cleaned: Float64Array): Float32Array {
  const meanNoise = noise.reduce((sum, level) => sum + level, 0) / MEL_BANDS
  const out = new Float32Array(SHOWN)
  for (let b = 0; b < MEL_BANDS; b++) {
    const [power, level] = [noisy[b] as number, noise[b] as number]
    out[b] = power - level
    out[MEL_BANDS + b] = level - meanNoise
    out[2 * MEL_BANDS + b] = (cleaned[b] as number) - power
  }
  return out
}

/** Cepstra of log mel energies. */
export function cepstraOf(logBands: Float64Array): Float64Array {
  const out = new Float64Array(CEPSTRA)
  for (let c = 0; c < CEPSTRA; c++) {
    let sum = 0
    for (let b = 0; b < MEL_BANDS; b++)
      sum += (TRANSFORM_ROWS[c * MEL_BANDS + b] as number) * (logBands[b] as number)
    out[c] = sum
  }
  return out
}

/** Orthonormal DCT-II with the lifter folded in, 13 rows of 25. */
export function cosineTransform(): Float64Array {
  const out = new Float64Array(CEPSTRA * MEL_BANDS)
  for (let c = 0; c < CEPSTRA; c++) {
    const scale =
      Math.sqrt((c === 0 ? 1 : 2) / MEL_BANDS) * (1 + (LIFTER / 2) * Math.sin((c * Math.PI) / LIFTER))
    for (let b = 0; b < MEL_BANDS; b++)
      out[c * MEL_BANDS + b] = scale * Math.cos((Math.PI * c * (b + 0.5)) / MEL_BANDS)
  }
  return out
}

const TRANSFORM_ROWS = cosineTransform()

/**
 * Log bands at `places` on the axis of bands, as smooth as 13 cepstra make them: a row of 13 a place. At the bands' own places it
 * takes back what {@link cosineTransform} does.
 */
export function spectrumOfCepstra(
  places: ArrayLike<number> = Array.from({ length: MEL_BANDS }, (_, band) => band),
): Float64Array {
  const out = new Float64Array(places.length * CEPSTRA)
  for (let at = 0; at < places.length; at++)
    for (let c = 0; c < CEPSTRA; c++)
      out[at * CEPSTRA + c] =
        (Math.sqrt((c === 0 ? 1 : 2) / MEL_BANDS) *
          Math.cos((Math.PI * c * ((places[at] as number) + 0.5)) / MEL_BANDS)) /
        (1 + (LIFTER / 2) * Math.sin((c * Math.PI) / LIFTER))
  return out
}

/** Where on the axis of bands the centre of each comes to lie when frequencies are multiplied by `factor`; the top one stays. */
export function warpedPlaces(factor: number): Float64Array {
  const low = toMel(LOW_HZ)
  const step = (toMel(HIGH_HZ) - low) / (MEL_BANDS + 1)
  return Float64Array.from({ length: MEL_BANDS }, (_, band) => {
    const hz = toHz(low + (band + 1) * step)
    const top = ((HIGH_HZ - factor * WARP_EDGE_HZ) / (HIGH_HZ - WARP_EDGE_HZ)) * (hz - WARP_EDGE_HZ)
    const warped = hz <= WARP_EDGE_HZ ? factor * hz : factor * WARP_EDGE_HZ + top
    return (toMel(warped) - low) / step - 1
  })
}

/** How many mel bands audio of this rate can fill, the resampler's own fall-off left out. */
export function observedBands(sampleRateHz: number): number {
  const binHz = SAMPLE_RATE_HZ / TRANSFORM
  const highest = (PASS_BAND * sampleRateHz) / 2
  // A band's last bin has no weight.
  return melBands().filter((band) => (band.firstBin + band.weights.length - 2) * binHz <= highest).length
}

function toMel(hz: number): number {
  return 2_595 * Math.log10(1 + hz / 700)
}

function toHz(mel: number): number {
  return 700 * (10 ** (mel / 2_595) - 1)
}

function melBands(): Band[] {
  const binHz = SAMPLE_RATE_HZ / TRANSFORM
  const low = toMel(LOW_HZ)
  const step = (toMel(HIGH_HZ) - low) / (MEL_BANDS + 1)
  const edge = (i: number) => Math.floor(toHz(low + i * step) / binHz + 0.5)
  return Array.from({ length: MEL_BANDS }, (_, b) => {
    const [left, centre, right] = [edge(b), edge(b + 1), edge(b + 2)]
    const weights = Float64Array.from({ length: right - left + 1 }, (_unused, k) =>
      Math.max(0, Math.min(k / (centre - left), (right - left - k) / (right - centre))),
    )
    return { firstBin: left, weights }
  })
}
