/** A delta comes from a store that anybody may have written to: whatever it says, the output is exact or refused, and costs what was allowed. */
import { describe, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../../edge-agent/domain-build/random.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import { BitCoder } from '../../../rollout/delta/bit-coder.ts'
import { decodeDelta, type DeltaInput } from '../../../rollout/delta/decode.ts'
import { encodeDelta } from '../../../rollout/delta/encode.ts'
import { writeHead } from '../../../rollout/delta/envelope.ts'
import { writeParts, type Part } from '../../../rollout/delta/part.ts'
import { PartModels } from '../../../rollout/delta/part-models.ts'
import { inMemory } from '../../../rollout/delta/random-access.ts'
import { DeltaRefused, type DeltaRefusal } from '../../../rollout/delta/refused.ts'
import { decoded, layersOf, nudged, quantisedModel, targetOf, widest } from './models.ts'

const MUTATIONS = 10_000
const layers = layersOf(5, [
  [24, 32],
  [32, 16],
])
const base = quantisedModel(layers)
const frozen = quantisedModel(nudged(layers, 6, { share: 0.2, size: 0.004 }), {
  scaleOf: ({ name }, column) =>
    widest(layers.find((layer) => layer.name === name) ?? layers[0] ?? none(), column),
})
const moved = quantisedModel(nudged(layers, 7, { share: 0.2, size: 0.004 }))
const grown = quantisedModel([
  ...layers,
  ...layersOf(8, [[16, 8]]).map((layer) => ({ ...layer, name: 'head' })),
])
const generic = Buffer.concat([base.subarray(40, 900), Buffer.from('other words'), base.subarray(700)])

/** What became of a delta: the whole output, or why not; and how much came out. */
async function fate(
  input: Omit<DeltaInput, 'base'>,
  from = base,
): Promise<{ outBytes: number; refusal: DeltaRefusal | null; bytes: Uint8Array }> {
  const pieces: Uint8Array[] = []
  let outBytes = 0
  try {
    for await (const piece of decodeDelta({ ...input, base: inMemory(from) })) {
      outBytes += piece.length
      pieces.push(Uint8Array.from(piece))
    }
    return { outBytes, refusal: null, bytes: Buffer.concat(pieces) }
  } catch (thrown) {
    if (!(thrown instanceof DeltaRefused)) throw thrown
    return { outBytes, refusal: thrown.reason, bytes: Buffer.concat(pieces) }
  }
}

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const out = Uint8Array.from(bytes)
  const at = random.below(out.length)
  switch (random.below(6)) {
    case 0:
      return out.subarray(0, at)
    case 1:
      return Buffer.concat([out, Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256))])
    case 2:
      return Buffer.concat([out.subarray(0, at), out.subarray(random.below(out.length))])
    case 3:
      out[at] = random.below(256)
      return out
    default:
      out[at] = (out[at] ?? 0) ^ (1 << random.below(8))
      return out
  }
}

describe('a delta that was tampered with', () => {
  it(`is decoded exactly or refused, in ${MUTATIONS} random mutations`, { timeout: 60_000 }, async () => {
    const random = seededRandom(20_261_121)
    const originals = [frozen, moved, grown, generic].map((target) => ({
      target,
      delta: encodeDelta(base, target).bytes,
    }))
    const refusals = new Map<string, number>()
    for (let run = 0; run < MUTATIONS; run += 1) {
      const { target, delta } = originals[run % originals.length] ?? none()
      const { outBytes, refusal, bytes } = await fate({
        delta: inMemory(mutated(delta, random)),
        target: targetOf(target),
      })
      expect(outBytes).toBeLessThanOrEqual(target.length)
      if (refusal === null) expect(Buffer.compare(bytes, target)).toBe(0)
      refusals.set(refusal ?? 'exact', (refusals.get(refusal ?? 'exact') ?? 0) + 1)
    }
    // Each of these was met: a test that only ever sees one of them would prove little.
    expect([...refusals.keys()]).toEqual(
      expect.arrayContaining(['malformed', 'wrong_base', 'wrong_target', 'out_of_range']),
    )
    expect(refusals.get('exact') ?? 0).toBeLessThan(MUTATIONS / 10)
  })

  it('is refused at every bit of its head', async () => {
    const delta = encodeDelta(base, moved).bytes
    for (let bit = 0; bit < 8 * 72; bit += 1) {
      const flipped = Uint8Array.from(delta)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const { refusal, bytes } = await fate({ delta: inMemory(flipped), target: targetOf(moved) })
      // Only which coder made it says nothing about the output.
      if (refusal === null) expect([bit >> 3, Buffer.compare(bytes, moved)]).toEqual([4, 0])
    }
  })

  it('is refused wherever it is cut off', async () => {
    const delta = encodeDelta(base, moved).bytes
    for (let length = 0; length < delta.length - 4; length += 7) {
      const { refusal } = await fate({ delta: inMemory(delta.subarray(0, length)), target: targetOf(moved) })
      expect(['malformed', 'wrong_target', 'out_of_range', 'too_large']).toContain(refusal)
    }
  })
})

/** A delta with a list of parts that no encoder makes, and nothing behind it. */
function forged(parts: readonly Part[], targetSizeBytes: number, partsBytes?: number): Uint8Array {
  const list = writeParts(parts)
  const coder = BitCoder.encoder()
  new PartModels(coder).literal('text').code(list, 0)
  const head = writeHead({
    codec: 'tensors',
    base: targetOf(base),
    target: { sha256: WANTED, sizeBytes: targetSizeBytes },
    partsBytes: partsBytes ?? list.length,
  })
  return Buffer.concat([head, coder.finish()])
}
const WANTED = sha256Hex('whatever is wanted')

async function fateOf(
  parts: readonly Part[],
  targetSizeBytes: number,
  partsBytes?: number,
): ReturnType<typeof fate> {
  const delta = inMemory(forged(parts, targetSizeBytes, partsBytes))
  return await fate({ delta, target: { sha256: WANTED, sizeBytes: targetSizeBytes } })
}

const GIGABYTE = 2 ** 30
const copy = (from: number, lengthBytes: number): Part => ({ kind: 'copy', from, lengthBytes })
const weights = (from: number, lengthBytes: number): Extract<Part, { kind: 'weights' }> => ({
  kind: 'weights',
  from,
  lengthBytes,
  context: 'near',
  columns: 1,
  scale: null,
})

describe('a delta that was made to do harm', () => {
  it('a bomb puts nothing out: more output than is allowed', async () => {
    expect(await fateOf([copy(0, 1)], GIGABYTE)).toMatchObject({ refusal: 'too_large', outBytes: 0 })
    const delta = inMemory(encodeDelta(base, moved).bytes)
    const limits = { maxOutputBytes: moved.length - 1 }
    expect(await fate({ delta, target: targetOf(moved), limits })).toMatchObject({
      refusal: 'too_large',
      outBytes: 0,
    })
  })

  it('a bomb puts nothing out: a long list of parts, or one that says that it is', async () => {
    expect(await fateOf([], 10, GIGABYTE)).toMatchObject({ refusal: 'too_large', outBytes: 0 })
    const many = Array.from({ length: 40_000 }, () => copy(0, 0))
    expect(await fateOf(many, 10)).toMatchObject({ refusal: 'too_large', outBytes: 0 })
  })

  it('a bomb puts nothing out: more tensors than are allowed', async () => {
    const delta = inMemory(encodeDelta(base, moved).bytes)
    const limits = { maxTensors: 2 }
    expect(await fate({ delta, target: targetOf(moved), limits })).toMatchObject({
      refusal: 'too_many_tensors',
      outBytes: 0,
    })
    const many = Array.from({ length: 20_000 }, () => weights(0, 1))
    expect(await fateOf(many, 20_000)).toMatchObject({ refusal: 'too_many_tensors', outBytes: 0 })
  })

  it('a bomb puts nothing out: scales held by the megabyte', async () => {
    const held: Part[] = Array.from({ length: 600 }, () => ({ kind: 'ahead', from: 0, lengthBytes: 1_000 }))
    expect(await fateOf(held, 10)).toMatchObject({ refusal: 'too_large', outBytes: 0 })
  })

  it('parts that overlap in the base make output like any other, which is not what was wanted', async () => {
    const parts = [copy(0, 600), copy(300, 600), copy(0, 800)]
    expect(await fateOf(parts, 2_000)).toMatchObject({ refusal: 'wrong_target', outBytes: 2_000 })
  })

  it('parts beyond the base, before it, or of a length beyond all numbers', async () => {
    for (const parts of [
      [copy(base.length - 5, 6)],
      [copy(-1, 6)],
      [weights(base.length, 1)],
      [copy(0, 2 ** 47)],
      [copy(2 ** 46, 2)],
    ])
      expect(await fateOf(parts, 6)).toMatchObject({ refusal: 'out_of_range', outBytes: 0 })
  })

  it('parts that are more or less than the target', async () => {
    for (const parts of [
      [],
      [copy(0, 5)],
      [copy(0, 7)],
      [copy(0, 3), { kind: 'literal', bytes: 'text', lengthBytes: 2 ** 40 } as const],
    ])
      expect(await fateOf(parts, 6)).toMatchObject({ refusal: 'malformed', outBytes: 0 })
  })

  it('scales that were never sent, or that are none', async () => {
    const scale = { ahead: 0, inner: 1, isSigned: true, baseZero: 0, targetZero: 0 }
    const ahead: Part = { kind: 'ahead', from: 0, lengthBytes: 8 }
    for (const parts of [
      [{ ...weights(0, 6), scale }],
      [{ kind: 'kept', ahead: 0 } as const],
      [{ ...ahead, lengthBytes: 7 }],
      [ahead, { ...weights(0, 6), scale: { ...scale, inner: 0 } }],
      [ahead, { ...weights(0, 6), scale: { ...scale, inner: 2 ** 40 } }],
      [ahead, { ...weights(0, 6), scale: { ...scale, baseZero: 2 ** 40 } }],
      [{ ...weights(0, 6), columns: 0 }],
      [{ ...weights(0, 6), columns: 2 ** 40 }],
      [{ kind: 'numbers', from: 0, lengthBytes: 6, format: 'float32' } as const],
    ])
      expect(await fateOf(parts, 6)).toMatchObject({ refusal: 'malformed', outBytes: 0 })
  })

  it('a delta for another base or another file is known before anything is read of the base', async () => {
    const delta = inMemory(encodeDelta(base, moved).bytes)
    expect(await fate({ delta, target: targetOf(moved) }, frozen.subarray(0, 50))).toMatchObject({
      refusal: 'wrong_base',
      outBytes: 0,
    })
    expect(
      await fate(
        { delta, target: targetOf(moved) },
        Uint8Array.from(base, (byte, at) => (at === 700 ? byte ^ 1 : byte)),
      ),
    ).toMatchObject({
      refusal: 'wrong_base',
      outBytes: 0,
    })
    expect(await fate({ delta, target: targetOf(frozen) })).toMatchObject({
      refusal: 'wrong_target',
      outBytes: 0,
    })
  })

  it('a file that cannot be read is no refusal: the error goes on', async () => {
    const broken = { sizeBytes: base.length, read: async () => await Promise.reject(new Error('EIO')) }
    const delta = inMemory(encodeDelta(base, moved).bytes)
    const pieces = decodeDelta({ base: broken, delta, target: targetOf(moved) })
    await expect(pieces.next()).rejects.toThrow('EIO')
    expect(await decoded(base, encodeDelta(base, moved).bytes, targetOf(moved))).toHaveLength(moved.length)
  })
})

function none(): never {
  throw new RangeError('there is none')
}
