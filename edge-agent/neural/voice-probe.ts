/**
 * Silero's voice activity model has no metadata to go by: that it runs as it should is seen by running it. A step takes 32 ms
 * of audio with the 4 ms before it, a state and the rate, and gives the probability of speech and the next state.
 */
import { ModelFileRefused } from './model-file-refused.ts'
import type { Net, NetTensor } from './net.ts'
import type { OnnxHeader } from './onnx-header.ts'

const RATE_HZ = 16_000
/** Where the graph leaves it open. */
const SAMPLES = 512 + 64
const STATE = [2, 1, 128] as const
const STEPS = 4

/** The probabilities of speech in fixed noise: the model's golden vector. Throws {@link ModelFileRefused}. */
export async function probeVoice(net: Net, { inputs }: OnnxHeader): Promise<readonly number[]> {
  const dimsOf = (name: string): readonly (number | null)[] =>
    inputs.find((input) => input.name === name)?.dims ?? []
  const samples = dimsOf('input')[1] ?? SAMPLES
  // Some conversions make the rate a vector of one.
  const rateDims = dimsOf('sr').map(() => 1)
  const probabilities: number[] = []
  let seed = 1
  let state: NetTensor = net.tensor('float32', new Float32Array(2 * 128), STATE)
  for (let step = 0; step < STEPS; step++) {
    const noise = Float32Array.from({ length: samples }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff
      return (seed / 0x7f_ff_ff_ff - 0.5) * 0.2
    })
    const given = new Map([
      ['input', net.tensor('float32', noise, [1, samples])],
      ['state', state],
      ['sr', net.tensor('int64', BigInt64Array.of(BigInt(RATE_HZ)), rateDims)],
    ])
    const [output, next] = await net.run(net.inputNames.map((name) => given.get(name) ?? state))
    probabilities.push(probabilityOf(output))
    state = stateOf(next)
  }
  return probabilities
}

function probabilityOf(output: NetTensor | undefined): number {
  const value = output?.data instanceof Float32Array && output.data.length === 1 ? output.data[0] : undefined
  if (value !== undefined && value >= 0 && value <= 1) return value
  throw refused(`the output ${String(value)}`, 'one probability of speech')
}

function stateOf(next: NetTensor | undefined): NetTensor {
  if (next?.dims.join() === STATE.join()) return next
  throw refused(`a state of [${next?.dims.join(', ') ?? ''}]`, `one of [${STATE.join(', ')}]`)
}

function refused(found: string, expected: string): ModelFileRefused {
  return new ModelFileRefused('does-not-run', { file: 'the voice activity model', found, expected })
}
