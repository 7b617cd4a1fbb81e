/**
 * An imported model brings no golden vectors, so they are taken when it is imported: some of what its first steps give for
 * fixed noise. Taken again whenever it is opened, they show damage and processors that compute it otherwise.
 */
import type { StreamingContract } from './contract.ts'
import { canStep, type Encoder } from './encoder.ts'
import { frameOpener } from './frame-source.ts'
import { ModelFileRefused } from './model-file-refused.ts'
import { freshStates } from './stacked-states.ts'

const STEPS = 2
const VALUES_A_STEP = 16
/** Quantised models differ by rounding between processors; a damaged or saturated one differs by far more. */
const TOLERANCE = 0.05

/** Runs the model and gives the same numbers for the same model. Throws {@link ModelFileRefused} when they are no numbers. */
export async function probe(contract: StreamingContract, encoder: Encoder): Promise<readonly number[]> {
  const stream = {
    own: freshStates(contract.states),
    frames: frameOpener(contract.frames)(),
    processed: 0,
  }
  let seed = 1
  while (!canStep(contract, { ...stream, processed: (STEPS - 1) * contract.shiftFrames })) {
    const noise = new Float32Array(contract.frames.sampleRateHz / 10)
    for (let i = 0; i < noise.length; i++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff
      noise[i] = (seed / 0x7f_ff_ff_ff - 0.5) * 0.2
    }
    stream.frames.push(noise)
  }
  const values: number[] = []
  for (let step = 0; step < STEPS; step++) {
    const { data } = await encoder.step([stream])
    for (let i = 0; i < Math.min(VALUES_A_STEP, data.length); i++)
      values.push(data[Math.floor((i * data.length) / Math.min(VALUES_A_STEP, data.length))] as number)
  }
  encoder.forget(stream)
  if (values.length === 0 || !values.every(Number.isFinite))
    throw new ModelFileRefused('does-not-run', {
      file: 'the model',
      found: 'output that is no number',
      expected: 'finite scores',
    })
  return values
}

/** Throws {@link ModelFileRefused} when the model no longer gives what it gave when it was imported. */
export function checkProbe(golden: readonly number[], values: readonly number[]): void {
  const worst = Math.max(
    ...golden.map((value, i) => Math.abs(value - (values[i] ?? Infinity)) / (1 + Math.abs(value))),
  )
  if (golden.length === values.length && worst <= TOLERANCE) return
  throw new ModelFileRefused('does-not-run', {
    file: 'the model',
    found: `other values than when it was imported (${worst.toPrecision(3)} apart)`,
    expected: `the same within ${TOLERANCE}`,
    remedy: 'Import it again; if it stays so, this processor computes the model wrongly.',
  })
}
