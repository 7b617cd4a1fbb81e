/** As Silero's voice activity model has it: no metadata, three inputs. Its probability is the sigmoid of gain * mean + bias. */
import { FLOAT, INT64, OnnxWriter } from './onnx-writer.ts'
import type { TinyModel } from './tiny-models.ts'

export function tinyVoice({ bounded = true, keeps = true, gain = 1, bias = 0 } = {}): TinyModel {
  const writer = new OnnxWriter()
  writer.input('input', FLOAT, ['N', 'samples'])
  writer.input('state', FLOAT, [2, 'N', 128])
  writer.input('sr', INT64, [])
  const mean = writer.node('ReduceMean', ['input'], { attributes: { axes: [1] } })
  const scaled = writer.node('Mul', [mean, writer.floats([1], [gain])])
  const lifted = writer.node('Add', [scaled, writer.floats([1], [bias])])
  writer.node(bounded ? 'Sigmoid' : 'Identity', [lifted], { as: 'output' })
  writer.output('output', FLOAT, ['N', 1])
  if (keeps) writer.node('Tanh', ['state'], { as: 'stateN' })
  else writer.node('ReduceMean', ['state'], { attributes: { axes: [2] }, as: 'stateN' })
  writer.output('stateN', FLOAT, [2, 'N', 128])
  return { files: { model: writer.finish() }, tokens: '' }
}
