/** One channel of one FLAC frame (RFC 9639, section 9.2): constant, verbatim, fixed or linear prediction. */
import type { BitReader } from './bit-reader.ts'
import { AudioRefused } from './errors.ts'

const FIXED: readonly (readonly number[])[] = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]]

export function decodeSubframe(bits: BitReader, size: number, depth: number): Int32Array<ArrayBuffer> {
  bits.skip(1)
  const kind = bits.read(6)
  const wasted = bits.read(1) === 1 ? bits.readUnary() + 1 : 0
  const width = depth - wasted
  if (width < 1) throw damaged()
  const out = new Int32Array(size)
  if (kind === 0) out.fill(bits.readSigned(width))
  else if (kind === 1) for (let i = 0; i < size; i++) out[i] = bits.readSigned(width)
  else if (kind >= 8 && kind <= 12) predictFixed(bits, out, { order: kind - 8, width })
  else if (kind >= 32) predictLinear(bits, out, { order: kind - 31, width })
  else throw damaged()
  if (wasted > 0) for (let i = 0; i < size; i++) out[i] = (out[i] as number) << wasted
  return out
}

interface Shape {
  readonly order: number
  readonly width: number
}

function predictFixed(bits: BitReader, out: Int32Array, { order, width }: Shape): void {
  warmUp(bits, out, { order, width })
  readResidual(bits, out, order)
  predict(out, FIXED[order] ?? [], 0)
}

function predictLinear(bits: BitReader, out: Int32Array, { order, width }: Shape): void {
  warmUp(bits, out, { order, width })
  const precision = bits.read(4) + 1
  const shift = bits.readSigned(5)
  if (precision === 16 || shift < 0) throw damaged()
  const weights = Array.from({ length: order }, () => bits.readSigned(precision))
  readResidual(bits, out, order)
  predict(out, weights, shift)
}

function warmUp(bits: BitReader, out: Int32Array, { order, width }: Shape): void {
  if (order > out.length) throw damaged()
  for (let i = 0; i < order; i++) out[i] = bits.readSigned(width)
}

function predict(out: Int32Array, weights: readonly number[], shift: number): void {
  const scale = 2 ** shift
  for (let i = weights.length; i < out.length; i++) {
    let sum = 0
    // Products of 32 and 15 bits pass 2^31: floats hold them exactly, integer shifts would not.
    for (let k = 0; k < weights.length; k++) sum += (weights[k] as number) * (out[i - 1 - k] as number)
    out[i] = (out[i] as number) + Math.floor(sum / scale)
  }
}

function readResidual(bits: BitReader, out: Int32Array, order: number): void {
  const method = bits.read(2)
  if (method > 1) throw damaged()
  const parameterBits = method === 0 ? 4 : 5
  const partitions = 2 ** bits.read(4)
  const each = out.length / partitions
  if (!Number.isInteger(each) || each < order) throw damaged()
  for (let partition = 0; partition < partitions; partition++) {
    const from = partition === 0 ? order : partition * each
    const to = (partition + 1) * each
    const parameter = bits.read(parameterBits)
    if (parameter === 2 ** parameterBits - 1) {
      const width = bits.read(5)
      for (let i = from; i < to; i++) out[i] = width === 0 ? 0 : bits.readSigned(width)
    } else
      for (let i = from; i < to; i++) {
        const folded = bits.readUnary() * 2 ** parameter + bits.read(parameter)
        out[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
      }
  }
}

function damaged(): AudioRefused {
  return new AudioRefused(
    'damaged',
    'a FLAC frame breaks the rules of its format',
    'Copy the recording again.',
  )
}
