/**
 * Silero's voice activity model, step by step: 32 ms of audio with the 4 ms before it, a state and the rate give the
 * probability of speech and the next state.
 */
import type { ImportedCard } from './model-card.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { openVoiceFolder } from './model-folder.ts'
import type { Net, NetTensor } from './net.ts'
import type { OnnxHeader } from './onnx-header.ts'
import { openNet, type Runtime } from './open-net.ts'
import { checkProbe } from './probe.ts'
import { probeVoice } from './voice-probe.ts'

const RATE_HZ = 16_000
/** Samples at 16 kHz that a step judges, and those before them that it is shown too. */
export const VOICE_STEP = 512
export const VOICE_CONTEXT = 64
const STATE = [2, 1, 128] as const

export class VoiceModel {
  readonly #net: Net
  /** Where the graph fixes them. */
  readonly samples: number
  readonly #rateDims: readonly number[]

  constructor(net: Net, { inputs }: Pick<OnnxHeader, 'inputs'>) {
    const dimsOf = (name: string): readonly (number | null)[] =>
      inputs.find((input) => input.name === name)?.dims ?? []
    this.#net = net
    this.samples = dimsOf('input')[1] ?? VOICE_STEP + VOICE_CONTEXT
    // Some conversions make the rate a vector of one.
    this.#rateDims = dimsOf('sr').map(() => 1)
  }

  begin(): NetTensor {
    return this.#net.tensor('float32', new Float32Array(2 * 128), STATE)
  }

  /** Throws {@link ModelFileRefused} when the model gives no probability or loses its state. */
  async step(window: Float32Array, state: NetTensor): Promise<{ probability: number; state: NetTensor }> {
    const net = this.#net
    const given = new Map([
      ['input', net.tensor('float32', window, [1, window.length])],
      ['state', state],
      ['sr', net.tensor('int64', BigInt64Array.of(BigInt(RATE_HZ)), this.#rateDims)],
    ])
    const [output, next] = await net.run(net.inputNames.map((name) => given.get(name) ?? state))
    return { probability: probabilityOf(output), state: stateOf(next) }
  }
}

/** An imported model, held against its card and run for its golden vector, `probe`. Throws {@link ModelFileRefused}. */
export async function openVoiceModel(
  runtime: Runtime,
  dir: string,
): Promise<{ readonly model: VoiceModel; readonly card: ImportedCard; readonly probe: readonly number[] }> {
  const { card, file, header } = openVoiceFolder(dir)
  const model = new VoiceModel(await openNet(runtime, file), header)
  const probe = await probeVoice(model)
  if (card.golden.length > 0) checkProbe(card.golden, probe)
  return { model, card, probe }
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
