/**
 * Kaldi's log-mel filter banks as icefall, NeMo's exports and sherpa-onnx use them: 25 ms every 10 ms, no dither, mean
 * taken off, pre-emphasis 0.97, Povey window, power spectrum, triangles on the mel scale from 20 Hz to 400 Hz under the
 * Nyquist frequency, natural logarithm. Edges are not snipped: frames stand around the middle of their 10 ms, and the
 * signal is reflected at its ends.
 */
import { Fourier } from '../speech/fourier.ts'
import { FrameRows } from './frame-rows.ts'
import { ModelFileRefused } from './model-file-refused.ts'

const FRAME_S = 0.025
const SHIFT_S = 0.01
const PRE_EMPHASIS = 0.97
const POVEY = 0.85
const LOW_HZ = 20
const UNDER_NYQUIST_HZ = 400
/** FLT_EPSILON: what silence is taken for. */
const FLOOR = 2 ** -23

/** Each bin's weights from its first frequency to before its end, one bin after another. */
interface Triangles {
  readonly firsts: Uint16Array
  readonly ends: Uint16Array
  readonly weights: Float64Array
}

export class KaldiFbank {
  readonly #rows: FrameRows
  readonly #length: number
  readonly #shift: number
  readonly #window: Float64Array
  readonly #triangles: Triangles
  readonly #fourier: Fourier
  readonly #frame: Float64Array
  readonly #power: Float64Array
  #samples = new Float32Array(4_096)
  #held = 0
  /** Position of the first sample that is held. */
  #offset = 0

  constructor(options: { readonly sampleRateHz: number; readonly bins: number }) {
    const { sampleRateHz, bins } = options
    this.#length = Math.trunc(sampleRateHz * FRAME_S)
    this.#shift = Math.trunc(sampleRateHz * SHIFT_S)
    const size = 2 ** Math.ceil(Math.log2(this.#length))
    this.#rows = new FrameRows(bins)
    this.#window = Float64Array.from({ length: this.#length }, (_, i) => {
      return (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (this.#length - 1))) ** POVEY
    })
    this.#triangles = triangles(sampleRateHz, size, bins)
    this.#fourier = new Fourier(size)
    this.#frame = new Float64Array(size)
    this.#power = new Float64Array(size / 2 + 1)
  }

  get width(): number {
    return this.#rows.width
  }

  get count(): number {
    return this.#rows.count
  }

  push(samples: Float32Array): void {
    this.#append(samples)
    const total = this.#offset + this.#held
    while (this.#begin(this.count) + this.#length <= total) this.#compute()
    this.#discard()
  }

  /** Gives the frames whose middle lies in the signal, although it ends before they do. */
  finish(): void {
    const frames = Math.floor((this.#offset + this.#held + this.#shift / 2) / this.#shift)
    while (this.count < frames) this.#compute()
  }

  copy(from: number, to: number, out: Float32Array, at: number): void {
    this.#rows.copy(from, to, out, at)
  }

  forget(before: number): void {
    this.#rows.forget(before)
  }

  #begin(frame: number): number {
    return this.#shift * frame + Math.trunc(this.#shift / 2) - Math.trunc(this.#length / 2)
  }

  #compute(): void {
    const frame = this.#frame
    const window = this.#window
    const length = this.#length
    const start = this.#begin(this.count) - this.#offset
    let sum = 0
    if (start >= 0 && start + length <= this.#held) {
      const samples = this.#samples
      for (let i = 0; i < length; i++) sum += samples[start + i] as number
      this.#emphasise(samples, start, sum / length)
    } else {
      const ends = Float32Array.from(
        { length },
        (_, i) => this.#samples[this.#reflected(start + i)] as number,
      )
      for (let i = 0; i < length; i++) sum += ends[i] as number
      this.#emphasise(ends, 0, sum / length)
    }
    for (let i = 0; i < length; i++) frame[i] = (frame[i] as number) * (window[i] as number)
    this.#fourier.power(frame, this.#power)
    this.#write(this.#rows.append())
  }

  /** Samples less their mean, each less most of the one before it; the first stands for its own neighbour. */
  #emphasise(samples: Float32Array, start: number, mean: number): void {
    const frame = this.#frame
    const length = this.#length
    // Of both, the mean is taken off once: it is the same number.
    const less = mean * (1 - PRE_EMPHASIS)
    let before = samples[start] as number
    for (let i = 0; i < length; i++) {
      const value = samples[start + i] as number
      frame[i] = value - PRE_EMPHASIS * before - less
      before = value
    }
  }

  #write(row: Float32Array): void {
    const { firsts, ends, weights } = this.#triangles
    const power = this.#power
    const bins = row.length
    let at = 0
    for (let bin = 0; bin < bins; bin++) {
      const end = ends[bin] as number
      let energy = 0
      for (let k = firsts[bin] as number; k < end; k++, at++)
        energy += (weights[at] as number) * (power[k] as number)
      row[bin] = Math.log(energy > FLOOR ? energy : FLOOR)
    }
  }

  /** -1 is 0, -2 is 1; one past the end is the end. */
  #reflected(at: number): number {
    let index = at
    while (index < 0 || index >= this.#held) index = index < 0 ? -index - 1 : 2 * this.#held - 1 - index
    return index
  }

  #append(samples: Float32Array): void {
    const needed = this.#held + samples.length
    if (needed > this.#samples.length) {
      const larger = new Float32Array(Math.max(2 * this.#samples.length, needed))
      larger.set(this.#samples.subarray(0, this.#held))
      this.#samples = larger
    }
    this.#samples.set(samples, this.#held)
    this.#held = needed
  }

  #discard(): void {
    const drop = Math.min(this.#begin(this.count) - this.#offset, this.#held)
    if (drop <= 0) return
    this.#samples.copyWithin(0, drop, this.#held)
    this.#held -= drop
    this.#offset += drop
  }
}

function mel(hertz: number): number {
  return 1_127 * Math.log(1 + hertz / 700)
}

/** Throws {@link ModelFileRefused} when bins are so narrow that one would hold no frequency. */
function triangles(sampleRateHz: number, size: number, bins: number): Triangles {
  const low = mel(LOW_HZ)
  const step = (mel(sampleRateHz / 2 - UNDER_NYQUIST_HZ) - low) / (bins + 1)
  const frequencies = Array.from({ length: size / 2 }, (_, k) => mel((k * sampleRateHz) / size))
  const firsts = new Uint16Array(bins)
  const ends = new Uint16Array(bins)
  const weights: number[] = []
  for (let bin = 0; bin < bins; bin++) {
    const left = low + bin * step
    const inside = frequencies.map((at) => Math.min(at - left, left + 2 * step - at) / step)
    firsts[bin] = inside.findIndex((weight) => weight > 0)
    ends[bin] = inside.findLastIndex((weight) => weight > 0) + 1
    if (ends[bin] === 0)
      throw new ModelFileRefused('graph-mismatch', {
        file: 'the model',
        found: `${bins} mel bins`,
        expected: `so few that each holds a frequency at ${sampleRateHz} Hz`,
      })
    weights.push(...inside.slice(firsts[bin], ends[bin]))
  }
  return { firsts, ends, weights: Float64Array.from(weights) }
}
