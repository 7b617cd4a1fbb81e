import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { GaussianModel } from '../../../edge-agent/adaptation/gaussian-model.ts'
import { goldenOf } from '../../../edge-agent/adaptation/golden-vectors.ts'
import { storedTensors, TensorMissing } from '../../../edge-agent/adaptation/onnx-tensors.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'

const folder = fileURLToPath(MODEL_FOLDERS.speech)
const file = readFileSync(`${folder}/acoustic.onnx`)
const golden = JSON.parse(readFileSync(`${folder}/golden.json`, 'utf8')) as {
  toleranceNats: number
  features: number[][]
  senones: number[]
  expected: number[][]
}

describe('the Gaussians of the acoustic model', () => {
  it('score as the model’s golden vectors say', () => {
    const model = new GaussianModel(file)
    for (const [row, features] of golden.features.entries()) {
      model.see(Float32Array.from(features), 0)
      for (const [column, senone] of golden.senones.entries())
        expect(Math.abs(model.score(senone) - (golden.expected[row]?.[column] ?? Number.NaN))).toBeLessThan(
          golden.toleranceNats,
        )
    }
  })

  it('are written back as they were, but for the means that moved', () => {
    const model = new GaussianModel(file)
    const means = new Float32Array(3 * model.width * 13)
    for (let s = 0; s < 3; s++)
      for (let g = 0; g < model.width; g++)
        for (let d = 0; d < 13; d++) means[(s * model.width + g) * 13 + d] = model.moments(s, g, d).mean
    const same = new GaussianModel(model.withMeans(means))
    means[0] = (means[0] ?? 0) + 1
    const moved = new GaussianModel(model.withMeans(means))
    expect(moved.moments(0, 0, 0).mean - same.moments(0, 0, 0).mean).toBeCloseTo(1, 3)
    expect(moved.moments(0, 0, 1)).toEqual(same.moments(0, 0, 1))
    expect(Math.abs(same.moments(2, 77, 5).mean - model.moments(2, 77, 5).mean)).toBeLessThan(1e-3)
    expect(Math.abs(same.moments(2, 77, 5).variance - model.moments(2, 77, 5).variance)).toBeLessThan(1e-6)
    expect(JSON.parse(goldenOf(JSON.stringify(golden), model.withMeans(means)))).not.toEqual(golden)
  })

  it('are refused in a file that is no such model, wherever it is cut', () => {
    expect(() => new GaussianModel(Buffer.from('not a model'))).toThrow(TensorMissing)
    expect(() => new GaussianModel(new Uint8Array(0))).toThrow(TensorMissing)
    for (const share of [0.1, 0.5, 0.9])
      expect(() => new GaussianModel(file.subarray(0, Math.floor(file.length * share)))).toThrow(
        TensorMissing,
      )
    expect([...storedTensors(file).keys()]).toEqual(expect.arrayContaining(['A', 'c', 'weight_codes']))
  })
})
