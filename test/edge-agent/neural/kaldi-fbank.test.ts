import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FbankPlan, KaldiFbank } from '../../../edge-agent/neural/kaldi-fbank.ts'
import { ModelFileRefused } from '../../../edge-agent/neural/model-file-refused.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { FLOAT, INT64, OnnxWriter } from '../../support/onnx-writer.ts'
import { sherpaAbsent, sherpaHears, sherpaModel } from '../../support/sherpa.ts'
import { tinyZipformerTransducer } from '../../support/tiny-models.ts'
import { glides } from '../../support/model-folders.ts'

const PLAN = new FbankPlan({ sampleRateHz: 16_000, bins: 80 })

function features(samples: Float32Array, piece = samples.length): Float32Array {
  const fbank = new KaldiFbank(PLAN)
  for (let at = 0; at < samples.length; at += piece) fbank.push(samples.subarray(at, at + piece))
  fbank.finish()
  const out = new Float32Array(fbank.count * fbank.width)
  fbank.copy(0, fbank.count, out, 0)
  return out
}

/** Takes features as sherpa-onnx computes them out of it: a transducer that emits a symbol for every value, as probable as the value is large. */
function tellingModel(frames: number): Readonly<Record<string, Uint8Array>> {
  const encoder = new OnnxWriter()
  const stub = tinyZipformerTransducer()
  encoder.input('x', FLOAT, ['N', frames, 80])
  const rows = encoder.node('Reshape', ['x', encoder.integers([0, frames * 80, 1])])
  encoder.node(
    'Mul',
    [encoder.node('Add', [rows, encoder.floats([1], [OFFSET])]), encoder.floats([1], [1 / SCALE])],
    { as: 'encoder_out' },
  )
  encoder.output('encoder_out', FLOAT, ['N', frames * 80, 1])
  const caches: readonly [string, number, readonly (number | string)[]][] = [
    ['len', INT64, [1, 'N']],
    ['avg', FLOAT, [1, 'N', 4]],
    ['key', FLOAT, [1, 2, 'N', 4]],
    ['val', FLOAT, [1, 2, 'N', 2]],
    ['val2', FLOAT, [1, 2, 'N', 2]],
    ['conv1', FLOAT, [1, 'N', 4, 2]],
    ['conv2', FLOAT, [1, 'N', 4, 2]],
  ]
  for (const [name, type, dims] of caches) {
    encoder.input(name, type as typeof FLOAT, dims)
    encoder.node('Identity', [name], { as: `next_${name}` })
    encoder.output(`next_${name}`, type as typeof FLOAT, dims)
  }
  encoder.metadata({
    model_type: 'zipformer',
    T: frames,
    decode_chunk_len: frames,
    encoder_dims: 4,
    attention_dims: 4,
    num_encoder_layers: 1,
    cnn_module_kernels: 3,
    left_context_len: 2,
  })
  const joiner = new OnnxWriter()
  joiner.input('encoder_out', FLOAT, ['N', 1])
  joiner.input('decoder_out', FLOAT, ['N', 10])
  const nothing = joiner.node('Mul', ['encoder_out', joiner.floats([1], [0])])
  const others = joiner.node('Sub', [nothing, joiner.floats([1, 22], new Float32Array(22).fill(100))])
  joiner.node('Concat', [nothing, 'encoder_out', others], { attributes: { axis: 1 }, as: 'logit' })
  joiner.output('logit', FLOAT, ['N', 24])
  return {
    encoder: encoder.finish(),
    decoder: stub.files['decoder'] ?? new Uint8Array(),
    joiner: joiner.finish(),
  }
}
/** Log energies lie between -16 and 5: with these every one is a likely symbol, none a certain one. */
const OFFSET = 17
const SCALE = 8
/** Beside loud tones single precision rounds such small energies, its and ours. */
const NEAR_FLOOR = -14
/** What sherpa-onnx divides scores by before it tells their probabilities. */
const TEMPERATURE = 2

describe('the filter banks', () => {
  it.skipIf(sherpaAbsent() !== null)("are sherpa-onnx's own to a thousandth, value by value", async () => {
    const folder = await dataFolder('fbank')
    try {
      const frames = 20
      for (const [role, bytes] of Object.entries(tellingModel(frames)))
        writeFileSync(join(folder.path, `${role}.onnx`), bytes)
      writeFileSync(join(folder.path, 'tokens.txt'), tinyZipformerTransducer().tokens)
      const audio = [
        glides(1, 1.2, 16_000),
        glides(2, 1.2, 16_000).map((value) => value * 1e-3),
        new Float32Array(19_200),
      ]
      const { results } = await sherpaHears({
        folder: folder.path,
        model: sherpaModel('zipformer-transducer', folder.path),
        tokens: join(folder.path, 'tokens.txt'),
        sampleRate: 16_000,
        streams: audio,
      })
      for (const [index, samples] of audio.entries()) {
        const ours = features(samples)
        const told = results[index]?.ys_probs ?? []
        // Six windows of 120 frames; the last waits for one frame more.
        expect(told.length).toBe(5 * frames * 80)
        let worst = 0
        let worstNearFloor = 0
        told.forEach((log, at) => {
          const value = TEMPERATURE * SCALE * (log - Math.log1p(-Math.exp(log))) - OFFSET
          const apart = Math.abs(value - (ours[at] ?? Number.NaN))
          if (value > NEAR_FLOOR) worst = Math.max(worst, apart)
          else worstNearFloor = Math.max(worstNearFloor, apart)
        })
        expect(worst).toBeLessThan(1e-3)
        expect(worstNearFloor).toBeLessThan(5e-3)
      }
    } finally {
      await folder.remove()
    }
  })

  it('are the same whether audio comes whole or in crumbs', () => {
    const samples = glides(3, 0.8, 16_000)
    const whole = features(samples)
    for (const piece of [1, 37, 160, 1_024]) expect(features(samples, piece)).toEqual(whole)
  })

  it('give a frame for each 10 ms, rounded, and none for no audio', () => {
    for (const [samples, frames] of [
      [0, 0],
      [79, 0],
      [80, 1],
      [240, 2],
      [16_000, 100],
    ] as const)
      expect(features(new Float32Array(samples)).length / 80).toBe(frames)
  })

  it('take digital silence for the smallest number, and never for none', () => {
    expect([...new Set(features(new Float32Array(1_600)))]).toEqual([Math.fround(Math.log(2 ** -23))])
  })

  it('refuse so many bins that one would be empty', () => {
    expect(() => new FbankPlan({ sampleRateHz: 16_000, bins: 200 })).toThrow(ModelFileRefused)
  })
})
