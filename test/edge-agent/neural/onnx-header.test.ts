import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesInMemory } from '../../../edge-agent/neural/byte-source.ts'
import { ModelFileRefused } from '../../../edge-agent/neural/model-file-refused.ts'
import { readOnnxHeader, type OnnxHeader } from '../../../edge-agent/neural/onnx-header.ts'
import { recogniseModel } from '../../../edge-agent/neural/recognise-model.ts'
import { bytes, concat, text, varint } from '../../support/onnx-writer.ts'
import { tinyNemo, tinyZipformer2Ctc } from '../../support/tiny-models.ts'

const read = (content: Uint8Array): OnnxHeader => readOnnxHeader(bytesInMemory('some.onnx', content))
const nemo = tinyNemo().files['model'] ?? new Uint8Array()

function refusal(content: Uint8Array): ModelFileRefused {
  try {
    read(content)
  } catch (thrown) {
    if (thrown instanceof ModelFileRefused) return thrown
    throw thrown
  }
  throw new Error('it was not refused')
}

describe('an ONNX header', () => {
  it('has the metadata, the inputs in order with their shapes, and the names of the weights', () => {
    const { metadata, inputs, outputs, weights } = read(nemo)
    expect(metadata.get('window_size')).toBe('25')
    expect(inputs.map(({ name }) => name)).toEqual([
      'audio_signal',
      'length',
      'cache_last_channel',
      'cache_last_time',
      'cache_last_channel_len',
    ])
    expect(inputs[0]).toEqual({ name: 'audio_signal', elementType: 1, dims: [null, 80, null] })
    expect(inputs[1]?.elementType).toBe(7)
    expect(outputs.length).toBe(5)
    expect(weights.size).toBeGreaterThan(3)
  })

  it('leaves out inputs that are weights, as old exporters list them', () => {
    const port = concat([text(1, 'w'), bytes(2, bytes(1, varint(1, 1)))])
    const graph = concat([bytes(5, text(8, 'w')), bytes(11, port), bytes(11, text(1, 'x'))])
    expect(read(bytes(7, graph)).inputs.map(({ name }) => name)).toEqual(['x'])
  })

  it.each([
    ['an empty file', ''],
    ['a zip archive', 'PK\u0003\u0004'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1'],
    ['a WAV recording', 'RIFF....WAVE'],
    ['no graph', '\u0008\u0008'],
  ])('is refused as what it is: %s', (what, content) => {
    const error = refusal(new TextEncoder().encode(content))
    expect(error.reason).toBe('not-onnx')
    expect(error.message).toContain(what)
    expect(error.message).toContain('expected an ONNX model')
  })

  it('refuses weights that lie in another file, wherever they are said to lie', () => {
    const elsewhere = concat([text(8, 'w'), bytes(13, concat([text(1, 'location'), text(2, '/etc/passwd')]))])
    for (const weight of [elsewhere, concat([text(8, 'w'), varint(14, 1)])])
      expect(refusal(bytes(7, bytes(5, weight))).reason).toBe('external-weights')
  })

  it.each([
    ['a length past the end', concat([Uint8Array.from([7 * 8 + 2, 0xff, 0xff, 0xff, 0xff, 0x0f])])],
    ['a length of minus one', Uint8Array.from([58, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])],
    ['a number without an end', Uint8Array.from([58, ...Array.from({ length: 12 }, () => 0x80)])],
    ['a group', Uint8Array.from([0x0b])],
    ['field number zero', Uint8Array.from([0x00, 0x01])],
    ['two graphs', concat([bytes(7, new Uint8Array()), bytes(7, new Uint8Array())])],
    ['a name of a megabyte', bytes(7, bytes(11, bytes(1, new Uint8Array(1024 * 1024).fill(97))))],
    ['a name that is no text', bytes(7, bytes(11, bytes(1, Uint8Array.from([0xff, 0xfe]))))],
    [
      'a hundred thousand inputs',
      bytes(7, concat(Array.from({ length: 100_000 }, () => bytes(11, text(1, 'x'))))),
    ],
    ['millions of fields', bytes(7, new Uint8Array(4_200_000).fill(8))],
  ])('refuses %s', (_what, content) => {
    expect(refusal(content).reason).toBe('not-onnx')
  })

  it('is read or refused, and nothing else, whatever the bytes are', () => {
    const attempt = (content: Uint8Array): void => {
      try {
        recogniseModel([read(content)])
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ModelFileRefused)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), attempt))
    const model = tinyZipformer2Ctc().files['model'] ?? nemo
    fc.assert(
      fc.property(
        fc.constantFrom(nemo, model),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.nat(),
        (whole, edits, cut) => {
          const content = whole.slice(0, cut % 3 === 0 ? cut % whole.length : whole.length)
          // The end holds the metadata and the ports; the middle is weights, which are skipped.
          for (const [at, value] of edits)
            content[content.length - 1 - (at % Math.min(4_000, content.length))] = value
          attempt(content)
        },
      ),
      { numRuns: 400 },
    )
  })
})
