/** In-place radix-2 transform of one fixed power-of-two size; tables are made once. */
export class Fourier {
  readonly #size: number
  readonly #cosine: Float64Array
  readonly #sine: Float64Array
  readonly #reversed: Uint16Array
  readonly #real: Float64Array
  readonly #imaginary: Float64Array

  constructor(size: number) {
    this.#size = size
    this.#cosine = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size))
    this.#sine = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size))
    const bits = Math.log2(size)
    this.#reversed = Uint16Array.from({ length: size }, (_, i) => {
      let out = 0
      for (let bit = 0; bit < bits; bit++) out |= ((i >> bit) & 1) << (bits - 1 - bit)
      return out
    })
    this.#real = new Float64Array(size)
    this.#imaginary = new Float64Array(size)
  }

  /** Writes |X(k)|^2 for k = 0 to size/2 of the real `input` (padded with zeros) into `power`. */
  power(input: Float64Array, power: Float64Array): void {
    const re = this.#real
    const im = this.#imaginary
    const size = this.#size
    for (let i = 0; i < size; i++) {
      re[this.#reversed[i] ?? 0] = input[i] ?? 0
      im[i] = 0
    }
    for (let half = 1; half < size; half *= 2) this.#butterflies(half)
    for (let k = 0; k <= size / 2; k++) {
      const a = re[k] ?? 0
      const b = im[k] ?? 0
      power[k] = a * a + b * b
    }
  }

  #butterflies(half: number): void {
    const re = this.#real
    const im = this.#imaginary
    const stride = this.#size / (2 * half)
    for (let start = 0; start < this.#size; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = this.#cosine[k * stride] as number
        const s = this.#sine[k * stride] as number
        const i = start + k
        const j = i + half
        const rj = re[j] as number
        const ij = im[j] as number
        const tr = rj * c - ij * s
        const ti = rj * s + ij * c
        const ri = re[i] as number
        const ii = im[i] as number
        re[j] = ri - tr
        im[j] = ii - ti
        re[i] = ri + tr
        im[i] = ii + ti
      }
    }
  }
}
