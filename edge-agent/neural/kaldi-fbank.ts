/**
 * Kaldi's log-mel filter banks as icefall, NeMo's exports and sherpa-onnx use them: 25 ms every 10 ms, no dither, mean
 * taken off, pre-emphasis 0.97, Povey window, power spectrum, triangles on the mel scale from 20 Hz to 400 Hz under the
 * Nyquist frequency, natural logarithm. Edges are not snipped: frames stand around the middle of their 10 ms, and the
 * signal is reflected at its ends.
 */
import { FbankKernel, LANES, type Triangles } from './fbank-kernel.ts'
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

/** What all streams of one model share: the shapes of the filters, and the kernel, which keeps nothing between runs. */
export class FbankPlan {
  readonly bins: number
  /** Samples of a frame, and from one to the next. */
  readonly length: number
  readonly shift: number
  readonly window: Float64Array
  readonly kernel: FbankKernel

  constructor({ sampleRateHz, bins }: { readonly sampleRateHz: number; readonly bins: number }) {
    this.bins = bins
    this.length = Math.trunc(sampleRateHz * FRAME_S)
    this.shift = Math.trunc(sampleRateHz * SHIFT_S)
    const size = 2 ** Math.ceil(Math.log2(this.length))
    this.window = Float64Array.from({ length: this.length }, (_, i) => {
      return (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (this.length - 1))) ** POVEY
    })
    this.kernel = new FbankKernel(size, triangles(sampleRateHz, size, bins))
  }
}

/** One stream's frames. They are computed when they are asked for, so that four go together whenever there are as many. */
export class KaldiFbank {
  readonly #plan: FbankPlan
  readonly #rows: FrameRows
  #samples = new Float32Array(4_096)
  #held = 0
  /** Position of the first sample that is held. */
  #offset = 0
  #count = 0

  constructor(plan: FbankPlan) {
    this.#plan = plan
    this.#rows = new FrameRows(plan.bins)
  }

  get width(): number {
    return this.#rows.width
  }

  get count(): number {
    return this.#count
  }

  push(samples: Float32Array): void {
    this.#append(samples)
    const { length } = this.#plan
    const total = this.#offset + this.#held
    while (this.#begin(this.#count) + length <= total) this.#count++
  }

  /** Gives the frames whose middle lies in the signal, although it ends before they do. */
  finish(): void {
    const { shift } = this.#plan
    this.#count = Math.max(this.#count, Math.floor((this.#offset + this.#held + shift / 2) / shift))
  }

  copy(from: number, to: number, out: Float32Array, at: number): void {
    while (this.#rows.count < to) this.#compute(Math.min(LANES, this.#count - this.#rows.count))
    this.#discard()
    this.#rows.copy(from, to, out, at)
  }

  forget(before: number): void {
    this.#rows.forget(before)
  }

  #begin(frame: number): number {
    const { shift, length } = this.#plan
    return shift * frame + Math.trunc(shift / 2) - Math.trunc(length / 2)
  }

  /** The next `frames` frames, at most {@link LANES}. */
  #compute(frames: number): void {
    const { kernel, length } = this.#plan
    // The last run worked in place: behind each frame, and in lanes without one, lies what it left.
    kernel.frames.fill(0)
    for (let lane = 0; lane < frames; lane++) {
      const start = this.#begin(this.#rows.count + lane) - this.#offset
      if (start >= 0 && start + length <= this.#held) this.#fill(lane, this.#samples, start)
      else this.#fill(lane, this.#mirrored(start), 0)
    }
    kernel.run()
    const { energies } = kernel
    for (let lane = 0; lane < frames; lane++) {
      const row = this.#rows.append()
      for (let bin = 0; bin < row.length; bin++)
        row[bin] = Math.log(Math.max(FLOOR, energies[LANES * bin + lane] as number))
    }
  }

  /** Samples less their mean, each less most of the one before it (the first stands for its own neighbour), windowed. */
  #fill(lane: number, samples: Float32Array, start: number): void {
    const { kernel, window, length } = this.#plan
    const { frames, places } = kernel
    let sum = 0
    for (let i = 0; i < length; i++) sum += samples[start + i] as number
    // A sample and the one before it lose the same mean.
    const less = (sum / length) * (1 - PRE_EMPHASIS)
    let before = samples[start] as number
    for (let i = 0; i < length; i++) {
      const value = samples[start + i] as number
      frames[(places[i] as number) + lane] = (value - PRE_EMPHASIS * before - less) * (window[i] as number)
      before = value
    }
  }

  #mirrored(start: number): Float32Array {
    return Float32Array.from(
      { length: this.#plan.length },
      (_, i) => this.#samples[this.#reflected(start + i)] as number,
    )
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
    const drop = Math.min(this.#begin(this.#rows.count) - this.#offset, this.#held)
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
  return { firsts, ends, weights: Float32Array.from(weights) }
}
