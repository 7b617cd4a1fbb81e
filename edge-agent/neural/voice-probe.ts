/** Silero's voice activity model has no metadata to go by: that it runs as it should is seen by running it. */
import type { NetTensor } from './net.ts'

const STEPS = 4

interface Steps {
  readonly samples: number
  begin(): NetTensor
  step(window: Float32Array, state: NetTensor): Promise<{ probability: number; state: NetTensor }>
}

/** The probabilities of speech in fixed noise: the model's golden vector. Throws `ModelFileRefused`. */
export async function probeVoice(model: Steps): Promise<readonly number[]> {
  const probabilities: number[] = []
  let seed = 1
  let state = model.begin()
  for (let step = 0; step < STEPS; step++) {
    const noise = Float32Array.from({ length: model.samples }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff
      return (seed / 0x7f_ff_ff_ff - 0.5) * 0.2
    })
    const judged = await model.step(noise, state)
    probabilities.push(judged.probability)
    state = judged.state
  }
  return probabilities
}
