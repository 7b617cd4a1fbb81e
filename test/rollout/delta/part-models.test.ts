import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitCoder } from '../../../rollout/delta/bit-coder.ts'
import { PartModels, type CodedPart, type KeptScale } from '../../../rollout/delta/part-models.ts'

const PIECE = 640

/** Codes a part in pieces as deltas are, decodes what came of it, and gives the bytes that it took. */
function through(part: CodedPart, base: Uint8Array, target: Uint8Array, kept: readonly KeptScale[]): number {
  const encoder = BitCoder.encoder()
  const encode = new PartModels(encoder).start(part, kept)
  for (let at = 0; at < target.length; at += PIECE)
    encode(base.subarray(at, at + PIECE), target.slice(at, at + PIECE), at)
  const coded = encoder.finish()
  const decoder = BitCoder.decoder(coded.length)
  decoder.room().set(coded)
  decoder.feed(coded.length, true)
  decoder.begin()
  const decode = new PartModels(decoder).start(part, kept)
  const out = new Uint8Array(target.length)
  for (let at = 0; at < out.length; at += PIECE)
    decode(base.subarray(at, at + PIECE), out.subarray(at, at + PIECE), at)
  expect(Buffer.compare(out, target)).toBe(0)
  expect(decoder.unreadBytes).toBe(0)
  return coded.length
}

const bytes = fc.uint8Array({ minLength: 2_000, maxLength: 2_000 })
/** Mostly what it was: where a step is 0 nothing changes. */
const steps = fc.array(fc.constantFrom(0, 0, 0, 0, 1, 255, 3, 128), { minLength: 2_000, maxLength: 2_000 })
const stepped = (base: Uint8Array, by: readonly number[]): Uint8Array =>
  base.map((byte, at) => byte + (by[at] ?? 0))
const floats = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)

describe('what is coded is decoded', () => {
  it('weights of any shape, by neighbours or not, with any scale', () => {
    const scale = fc.record({
      old: fc.array(fc.oneof(fc.float(), fc.float({ min: Math.fround(0.001), max: 2 })), {
        minLength: 5,
        maxLength: 5,
      }),
      now: fc.array(fc.oneof(fc.float(), fc.float({ min: Math.fround(0.001), max: 2 })), {
        minLength: 5,
        maxLength: 5,
      }),
      isSigned: fc.boolean(),
      baseZero: fc.integer({ min: -255, max: 255 }),
      targetZero: fc.integer({ min: -255, max: 255 }),
      inner: fc.constantFrom(1, 7, 128, 400),
    })
    fc.assert(
      fc.property(
        bytes,
        steps,
        fc.constantFrom('even' as const, 'near' as const),
        fc.record({ columns: fc.integer({ min: 1, max: 2_000 }), scale: fc.option(scale) }),
        (base, by, context, shape) => {
          const place = shape.scale === null ? null : { ahead: 0, ...shape.scale }
          const kept =
            shape.scale === null ? [] : [{ base: floats(shape.scale.old), target: floats(shape.scale.now) }]
          through(
            {
              kind: 'weights',
              lengthBytes: base.length,
              from: 0,
              context,
              columns: shape.columns,
              scale: place,
            },
            base,
            stepped(base, by),
            kept,
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('numbers of each format, whatever their bits mean', () => {
    const format = fc.constantFrom('float32' as const, 'float16' as const, 'int32' as const)
    fc.assert(
      fc.property(bytes, bytes, steps, format, (base, other, by, of) => {
        const part = { kind: 'numbers', lengthBytes: base.length, from: 0, format: of } as const
        through(part, base, other, [])
        through(part, base, stepped(base, by), [])
      }),
      { numRuns: 40 },
    )
  })

  it('the ends of what numbers can be', () => {
    const words = [0, 1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff, 0x7f80_0000, 0xff80_0000]
    const pairs = words.flatMap((a) => words.map((b) => [a, b] as const))
    const base = new Uint8Array(Uint32Array.from(pairs, ([a]) => a).buffer)
    const target = new Uint8Array(Uint32Array.from(pairs, ([, b]) => b).buffer)
    for (const format of ['float32', 'float16', 'int32'] as const)
      through({ kind: 'numbers', lengthBytes: base.length, from: 0, format }, base, target, [])
  })

  it('literals of each kind', () => {
    const kind = fc.constantFrom('text' as const, 'even' as const, 'pairs' as const, 'quads' as const)
    fc.assert(
      fc.property(bytes, kind, (target, of) => {
        through({ kind: 'literal', lengthBytes: target.length, bytes: of }, target, target, [])
      }),
      { numRuns: 40 },
    )
  })

  it('and what is foretold costs next to nothing', () => {
    const base = Uint8Array.from({ length: 4_000 }, (_, at) => (at * 37) & 255)
    const part = {
      kind: 'weights',
      lengthBytes: 4_000,
      from: 0,
      context: 'near',
      columns: 100,
      scale: null,
    } as const
    expect(through(part, base, base, [])).toBeLessThan(20)
    const scale = { ahead: 0, inner: 4_000, isSigned: false, baseZero: 128, targetZero: 100 }
    const kept = [{ base: floats([0.5]), target: floats([0.8]) }]
    const scaled = base.map((byte) =>
      Math.max(0, Math.min(255, Math.round(((byte - 128) * Math.fround(0.5)) / Math.fround(0.8)) + 100)),
    )
    expect(through({ ...part, scale }, base, scaled, kept)).toBeLessThan(60)
  })
})
