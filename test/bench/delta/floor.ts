/**
 * The least that the difference of two models takes, if each value were coded by how often it occurs: order-0 entropies, a tensor at a time.
 * Of weights: of their differences or of themselves, whichever is less; where the tensor's scale moved, of how far each is from
 * round(q s / s'), given where between two steps that falls. Of floating-point numbers: of each byte of the distance in last places.
 */
import { readOnnxModel, TYPE, type ModelTensor, type OnnxModel } from '../../../rollout/delta/onnx-model.ts'
import { Scales } from '../../../rollout/delta/scales.ts'

const FRACTIONS = 64

/** In bytes; of what stands between tensors nothing is counted. */
export function floorBytes(base: Uint8Array, target: Uint8Array): number {
  const [from, to] = [modelOf(base), modelOf(target)]
  const bases = new Map(from.tensors.map((tensor) => [tensor.name, tensor]))
  const scales = new Scales(to)
  const bytesOf = (file: Uint8Array, { offset, sizeBytes }: ModelTensor): Uint8Array =>
    file.slice(offset, offset + sizeBytes)
  let bits = 0
  for (const tensor of to.tensors) {
    const now = bytesOf(target, tensor)
    const old = bases.get(tensor.name)
    if (old === undefined || old.sizeBytes !== tensor.sizeBytes) {
      bits += entropyBits(now)
      continue
    }
    const before = bytesOf(base, old)
    if (Buffer.compare(now, before) === 0) continue
    if (tensor.type !== TYPE.int8 && tensor.type !== TYPE.uint8) {
      bits += numberBits(before, now)
      continue
    }
    const difference = now.map((value, at) => value - (before[at] ?? 0))
    const moved = scales.proposalsFor(tensor).flatMap(({ tensor: scale, inner }) => {
      const oldScale = bases.get(scale.name)
      if (oldScale === undefined || oldScale.sizeBytes !== scale.sizeBytes) return []
      const ratios = ratiosOf(bytesOf(base, oldScale), bytesOf(target, scale))
      return ratios.every((ratio) => ratio === 1) ? [] : [movedBits({ before, now, ratios, inner })]
    })
    bits += Math.min(entropyBits(difference), entropyBits(now), ...moved)
  }
  return bits / 8
}

function modelOf(file: Uint8Array): OnnxModel {
  const model = readOnnxModel(file)
  if (model === null) throw new RangeError('no ONNX model')
  return model
}

function ratiosOf(before: Uint8Array, now: Uint8Array): readonly number[] {
  const [old, fresh] = [new Float32Array(before.buffer), new Float32Array(now.buffer)]
  return Array.from(old, (value, at) => value / (fresh[at] ?? 1))
}

function movedBits(o: {
  readonly before: Uint8Array
  readonly now: Uint8Array
  readonly ratios: readonly number[]
  readonly inner: number
}): number {
  const signed = new Int8Array(o.before.buffer)
  const now = new Int8Array(o.now.buffer)
  const counts = new Float64Array(FRACTIONS * 512)
  signed.forEach((value, at) => {
    const exact = value * (o.ratios[Math.floor(at / o.inner) % o.ratios.length] ?? 1)
    const rounded = Math.floor(exact + 0.5)
    const fraction = Math.min(FRACTIONS - 1, Math.floor((exact - rounded + 0.5) * FRACTIONS))
    const slot = fraction * 512 + Math.max(0, Math.min(511, (now[at] ?? 0) - rounded + 256))
    counts[slot] = (counts[slot] ?? 0) + 1
  })
  let bits = 0
  for (let from = 0; from < counts.length; from += 512) bits += countsBits(counts.subarray(from, from + 512))
  return bits
}

function numberBits(before: Uint8Array, now: Uint8Array): number {
  const [old, fresh] = [new Int32Array(before.buffer), new Int32Array(now.buffer)]
  const distances = Int32Array.from(fresh, (value, at) => ordered(value) - ordered(old[at] ?? 0))
  const bytes = new Uint8Array(distances.buffer)
  return [0, 1, 2, 3].reduce((sum, plane) => sum + entropyBits(bytes.filter((_, at) => at % 4 === plane)), 0)
}

function ordered(bits: number): number {
  return bits ^ ((bits >> 31) & 0x7fff_ffff)
}

function entropyBits(bytes: Uint8Array): number {
  const counts = new Float64Array(256)
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1
  return countsBits(counts)
}

function countsBits(counts: Float64Array): number {
  const all = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce((sum, count) => (count === 0 ? sum : sum - count * Math.log2(count / all)), 0)
}
