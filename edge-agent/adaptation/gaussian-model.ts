/**
 * The acoustic model's Gaussians as numbers, read from its ONNX file: what adaptation looks at and moves. Three feature streams of
 * 13 dimensions, a codebook of 128 Gaussians a phone and stream, mixture weights a senone; a senone's log-likelihood is the sum
 * over streams of log(sum of weight * density), each density floored as the graph does it.
 */
import {
  bytesOf,
  floatsOf,
  FLOAT32,
  INT64,
  integersOf,
  storedTensors,
  tensorOf,
  UINT8,
  type StoredTensor,
} from './onnx-tensors.ts'

export const STREAMS = 3
export const DIMENSIONS = 13
const DENSITIES = 128

/** Gaussians that explain less than this of a frame learn nothing from it. */
const LEAST_SHARE = 1e-3

export class GaussianModel {
  readonly codebooks: number
  readonly #file: Uint8Array
  readonly #a: Float32Array
  readonly #c: Float32Array
  readonly #floorNats: number
  readonly #weights: Uint8Array
  readonly #weightTable: Float32Array
  readonly #groupCodebook: Int32Array
  readonly #senoneColumn: Int32Array
  readonly #groups: number
  readonly #densities: Float32Array
  readonly #likelihoods: Float32Array
  readonly #bests: Float64Array
  readonly #floors = new Float64Array(STREAMS)
  /** Codebooks whose likelihoods of this frame are worked out. */
  readonly #seen: Uint8Array
  readonly #all: readonly number[]
  readonly #groupSize: number
  readonly #stored: { readonly a: StoredTensor; readonly c: StoredTensor }

  /** Throws TensorMissing when `file` is not a model of this kind. */
  constructor(file: Uint8Array) {
    this.#file = file
    const tensors = storedTensors(file)
    const floats = (name: string): Float32Array => floatsOf(file, tensorOf(tensors, name, FLOAT32))
    this.#stored = { a: tensorOf(tensors, 'A', FLOAT32), c: tensorOf(tensors, 'c', FLOAT32) }
    this.#a = floatsOf(file, this.#stored.a)
    this.#c = floatsOf(file, this.#stored.c)
    this.#floorNats = floats('stream_floor')[0] ?? Number.POSITIVE_INFINITY
    const codes = tensorOf(tensors, 'weight_codes', UINT8)
    this.#weights = bytesOf(file, codes)
    this.#weightTable = floats('weight_table')
    this.#groupCodebook = integersOf(file, tensorOf(tensors, 'group_codebook', INT64))
    this.#senoneColumn = integersOf(file, tensorOf(tensors, 'senone_column', INT64))
    this.#groups = codes.dims[1] ?? 0
    this.#groupSize = codes.dims[3] ?? 0
    this.codebooks = this.#c.length / STREAMS / DENSITIES
    this.#densities = new Float32Array(this.#c.length)
    this.#likelihoods = new Float32Array(this.#c.length)
    this.#bests = new Float64Array(STREAMS * this.codebooks)
    this.#seen = new Uint8Array(this.codebooks)
    this.#all = Array.from({ length: this.codebooks }, (_, codebook) => codebook)
  }

  /** Number of Gaussians of one stream. */
  get width(): number {
    return this.codebooks * DENSITIES
  }

  /**
   * The model's view of one frame (39 features from `offset`); it holds until the next call. With `codebooks` only those are looked
   * at, which is quicker; the floor of densities is then below the best of them instead of the best of all.
   */
  see(features: Float32Array, offset: number, codebooks: readonly number[] = this.#all): void {
    this.#seen.fill(0)
    for (let s = 0; s < STREAMS; s++) {
      let best = -Infinity
      for (const codebook of codebooks)
        best = Math.max(best, this.#look(features, offset, { stream: s, codebook }))
      this.#floors[s] = best - this.#floorNats
    }
  }

  /** Log densities of one codebook; returns the greatest. */
  #look(
    features: Float32Array,
    offset: number,
    at: { readonly stream: number; readonly codebook: number },
  ): number {
    const from = at.codebook * DENSITIES
    const start = at.stream * this.width + from
    const row = this.#densities.subarray(start, start + DENSITIES)
    row.set(this.#c.subarray(start, start + DENSITIES))
    for (let d = 0; d < DIMENSIONS; d++) {
      const x = features[offset + at.stream * DIMENSIONS + d] as number
      const xx = x * x
      const first = this.#place(at.stream, d, from)
      const square = this.#a.subarray(first, first + DENSITIES)
      const linear = this.#a.subarray(
        first + DIMENSIONS * this.width,
        first + DIMENSIONS * this.width + DENSITIES,
      )
      for (let g = 0; g < DENSITIES; g++)
        row[g] = (row[g] as number) + xx * (square[g] as number) + x * (linear[g] as number)
    }
    let best = -Infinity
    for (let g = 0; g < DENSITIES; g++) if ((row[g] as number) > best) best = row[g] as number
    return best
  }

  codebookOf(senone: number): number {
    return this.#groupCodebook[Math.floor((this.#senoneColumn[senone] ?? 0) / this.#groupSize)] ?? 0
  }

  /** A senone's log-likelihood at the frame that was seen; `each` is told every Gaussian's share (posterior) of its stream. */
  score(senone: number, each?: (stream: number, gaussian: number, share: number) => void): number {
    const column = this.#senoneColumn[senone] ?? 0
    const group = Math.floor(column / this.#groupSize)
    const place = column % this.#groupSize
    const codebook = this.#groupCodebook[group] ?? 0
    if (this.#seen[codebook] === 0) this.#exponentiate(codebook)
    let total = 0
    for (let s = 0; s < STREAMS; s++) {
      const first = s * this.width + codebook * DENSITIES
      const row = (s * this.#groups + group) * DENSITIES
      let sum = 0
      for (let k = 0; k < DENSITIES; k++)
        sum += this.#weight(row + k, place) * (this.#likelihoods[first + k] as number)
      total += (this.#bests[s * this.codebooks + codebook] as number) + Math.log(sum)
      if (each === undefined) continue
      for (let k = 0; k < DENSITIES; k++) {
        const share = (this.#weight(row + k, place) * (this.#likelihoods[first + k] as number)) / sum
        if (share > LEAST_SHARE) each(s, codebook * DENSITIES + k, share)
      }
    }
    return total
  }

  #exponentiate(codebook: number): void {
    this.#seen[codebook] = 1
    for (let s = 0; s < STREAMS; s++) {
      const first = s * this.width + codebook * DENSITIES
      const floor = this.#floors[s] as number
      let best = floor
      for (let k = first; k < first + DENSITIES; k++)
        if ((this.#densities[k] as number) > best) best = this.#densities[k] as number
      this.#bests[s * this.codebooks + codebook] = best
      for (let k = first; k < first + DENSITIES; k++)
        this.#likelihoods[k] = Math.exp(Math.max(this.#densities[k] as number, floor) - best)
    }
  }

  /** Mean and variance of one Gaussian's dimension. */
  moments(
    stream: number,
    gaussian: number,
    dimension: number,
  ): { readonly mean: number; readonly variance: number } {
    const variance = -0.5 / (this.#a[this.#place(stream, dimension, gaussian)] as number)
    return {
      variance,
      mean: (this.#a[this.#place(stream, dimension + DIMENSIONS, gaussian)] as number) * variance,
    }
  }

  /** The file with these means ([stream][gaussian][dimension], flat) in the place of its own. */
  withMeans(means: Float32Array): Uint8Array {
    const a = this.#a.slice()
    const c = this.#c.slice()
    for (let s = 0; s < STREAMS; s++)
      for (let g = 0; g < this.width; g++) {
        let constant = 0
        for (let d = 0; d < DIMENSIONS; d++) {
          const { variance } = this.moments(s, g, d)
          const mean = means[(s * this.width + g) * DIMENSIONS + d] as number
          a[this.#place(s, d + DIMENSIONS, g)] = mean / variance
          constant -= 0.5 * (Math.log(2 * Math.PI * variance) + (mean * mean) / variance)
        }
        c[s * this.width + g] = constant
      }
    const file = Uint8Array.from(this.#file)
    file.set(new Uint8Array(a.buffer), this.#stored.a.offset)
    file.set(new Uint8Array(c.buffer), this.#stored.c.offset)
    return file
  }

  #place(stream: number, row: number, gaussian: number): number {
    return (stream * 2 * DIMENSIONS + row) * this.width + gaussian
  }

  #weight(row: number, place: number): number {
    return this.#weightTable[this.#weights[row * this.#groupSize + place] as number] as number
  }
}
