import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeDelta } from '../../../rollout/delta/decode.ts'
import { encodeDelta } from '../../../rollout/delta/encode.ts'
import { inMemory } from '../../../rollout/delta/random-access.ts'
import { decoded, layersOf, nudged, quantisedModel, targetOf, widest } from './models.ts'

const layers = layersOf(1, [
  [96, 128],
  [128, 64],
  [64, 16],
])
const base = quantisedModel(layers)

/** Makes a delta, holds what it makes against the target, and gives it back. */
async function through(from: Uint8Array, to: Uint8Array): Promise<ReturnType<typeof encodeDelta>> {
  const delta = encodeDelta(from, to)
  expect(Buffer.compare(await decoded(from, delta.bytes, targetOf(to)), to)).toBe(0)
  expect(Buffer.compare(encodeDelta(from, to).bytes, delta.bytes)).toBe(0)
  return delta
}

/** Bits for each of `symbols` values if each were coded by how often it occurs among them. */
function entropyBytes(symbols: Iterable<number>): number {
  const counts = new Map<number, number>()
  let all = 0
  for (const symbol of symbols) {
    counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
    all += 1
  }
  return [...counts.values()].reduce((sum, count) => sum - count * Math.log2(count / all), 0) / 8
}

describe('a delta between two models makes the target to the byte', () => {
  it('of the same model: little more than its head', async () => {
    expect((await through(base, base)).bytes.length).toBeLessThan(100)
  })

  it('with frozen scales: near the entropy of the differences', async () => {
    const scaleOf = (layer: { readonly name: string }, column: number): number =>
      widest(layers.find(({ name }) => name === layer.name) ?? layers[0] ?? fail(), column)
    const tuned = quantisedModel(nudged(layers, 2, { share: 0.3, size: 0.002 }), { scaleOf })
    const { bytes, codec } = await through(base, tuned)
    expect(codec).toBe('tensors')
    const differences = base.map((byte, at) => byte - (tuned[at] ?? 0))
    expect(bytes.length).toBeLessThan(entropyBytes(differences) * 1.02 + 200)
  })

  it('with moved scales: far below the entropy of the differences, since the scale predicts most of them', async () => {
    const scaleOf = (layer: (typeof layers)[number], column: number): number => widest(layer, column) * 1.03
    const moved = quantisedModel(layers, { scaleOf })
    const { bytes, parts } = await through(base, moved)
    expect(parts.filter((part) => part.kind === 'weights' && part.scale !== null)).toHaveLength(3)
    const differences = base.map((byte, at) => byte - (moved[at] ?? 0))
    expect(bytes.length).toBeLessThan(entropyBytes(differences) * 0.7)
  })

  it('of weights that were rounded twice: the second rounding is foretold', async () => {
    const coarser = (layer: (typeof layers)[number], column: number): number => widest(layer, column) * 1.37
    const coarse = quantisedModel(layers, { scaleOf: coarser })
    const spread = layers.map((layer) => ({
      ...layer,
      weights: layer.weights.map(
        (weight, at) =>
          Math.round(weight / widest(layer, at % layer.columns)) * widest(layer, at % layer.columns),
      ),
    }))
    const twice = quantisedModel(spread, { scaleOf: coarser })
    expect(Buffer.compare(coarse, twice)).not.toBe(0)
    // What is left are the scales themselves: four bytes each at most, for 23 KB of weights.
    expect((await through(base, twice)).bytes.length).toBeLessThan(4 * (128 + 64 + 16))
  })

  it('with a changed layer: the others cost nothing', async () => {
    const other = layersOf(9, [[128, 64]])[0]
    const changed = quantisedModel(
      layers.map((layer, at) => (at === 1 && other !== undefined ? { ...other, name: layer.name } : layer)),
    )
    const { bytes } = await through(base, changed)
    expect(bytes.length).toBeLessThan(128 * 64 + 64 * 4 + 400)
  })

  it('with tensors added, taken away and in another order', async () => {
    const grown = quantisedModel([
      ...layers,
      ...layersOf(3, [[16, 8]]).map((layer) => ({ ...layer, name: 'head' })),
    ])
    expect((await through(base, grown)).bytes.length).toBeLessThan(16 * 8 + 600)
    expect((await through(grown, base)).bytes.length).toBeLessThan(200)
    expect((await through(base, quantisedModel([...layers].reverse()))).bytes.length).toBeLessThan(700)
  })

  it('with other words about the same weights', async () => {
    const { bytes, parts } = await through(
      base,
      quantisedModel(layers, { name: 'layers of the second release' }),
    )
    expect(bytes.length).toBeLessThan(150)
    expect(parts.filter(({ kind }) => kind === 'weights')).toHaveLength(0)
  })

  it('of files that are no models, by the generic coder', async () => {
    const text = Buffer.from('the pump leaks at the shaft seal; lock out the drive. '.repeat(400))
    const other = Buffer.concat([
      text.subarray(0, 9_000),
      Buffer.from('grease the bearing'),
      text.subarray(8_000),
    ])
    const { codec, bytes } = await through(text, other)
    expect(codec).toBe('generic')
    expect(bytes.length).toBeLessThan(150)
    expect((await through(base.subarray(3), base)).codec).toBe('generic')
    expect((await through(new Uint8Array(0), text)).codec).toBe('generic')
    expect((await through(text, new Uint8Array(0))).bytes.length).toBeLessThan(100)
  })

  it('of any two files', async () => {
    const bytes = fc.uint8Array({ maxLength: 600 })
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, fc.boolean(), async (a, b, c, isModel) => {
        const from = isModel ? Buffer.concat([base, a]) : Buffer.concat([a, b, c])
        const to = isModel
          ? Buffer.concat([base.subarray(0, base.length - a.length), b])
          : Buffer.concat([b, a, c, b])
        await through(from, to)
      }),
      { numRuns: 60 },
    )
  })

  it('of a model whose weights lie elsewhere: none, by name', () => {
    // TensorProto.data_location = EXTERNAL, in an initialiser of a graph.
    const external = Uint8Array.from([0x3a, 4, 0x2a, 2, 0x70, 1])
    expect(() => encodeDelta(base, external)).toThrowError(
      expect.objectContaining({ reason: 'external_data' }),
    )
  })
})

describe('the decoder', () => {
  it('stops when it is told to', async () => {
    const aborted = AbortSignal.abort(new Error('the device shuts down'))
    const delta = encodeDelta(base, base)
    const pieces = decodeDelta({
      base: inMemory(base),
      delta: inMemory(delta.bytes),
      target: targetOf(base),
      signal: aborted,
    })
    await expect(pieces.next()).rejects.toThrow('the device shuts down')
  })
})

function fail(): never {
  throw new RangeError('no such layer')
}
