/**
 * The denoiser's net: frames [count, 75] and a state [2, 1, units] in, moves of the log bands [count, 25] and the state after out.
 * Its golden vectors are run before it is trusted, as the acoustic model's are.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Net, NetTensor } from '../neural/net.ts'
import { openNet, type Runtime } from '../neural/open-net.ts'
import { ModelRefused } from './errors.ts'
import { MEL_BANDS, SHOWN } from './front-end.ts'

const MAX_AHEAD = 20
const MAX_UNITS = 1_024

const Golden = v.strictObject({
  ahead: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_AHEAD)),
  units: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_UNITS)),
  tolerance: v.pipe(v.number(), v.minValue(0)),
  frames: v.pipe(v.array(v.pipe(v.array(v.number()), v.length(SHOWN))), v.minLength(1)),
  moves: v.array(v.pipe(v.array(v.number()), v.length(MEL_BANDS))),
})

export class DenoiserModel {
  readonly #net: Net
  readonly #units: number
  /** How many frames after a frame the net has heard when it speaks of it. */
  readonly ahead: number

  constructor(net: Net, { ahead, units }: { readonly ahead: number; readonly units: number }) {
    this.#net = net
    this.#units = units
    this.ahead = ahead
  }

  begin(): NetTensor {
    return this.#net.tensor('float32', new Float32Array(2 * this.#units), [2, 1, this.#units])
  }

  /** `frames`, row-major, {@link SHOWN} columns; moves are nats. */
  async run(
    frames: Float32Array,
    state: NetTensor,
  ): Promise<{ readonly moves: Float32Array; readonly state: NetTensor; readonly runtimeUs: number }> {
    const began = performance.now()
    const count = frames.length / SHOWN
    const [moves, after] = await this.#net.run([this.#net.tensor('float32', frames, [count, SHOWN]), state])
    if (
      !(moves?.data instanceof Float32Array) ||
      moves.data.length !== count * MEL_BANDS ||
      after === undefined
    )
      throw refused('it does not give a move a band and its state')
    return { moves: moves.data, state: after, runtimeUs: (performance.now() - began) * 1_000 }
  }
}

/** Throws {@link ModelRefused}. */
export async function openDenoiser(runtime: Runtime, folder: string): Promise<DenoiserModel> {
  try {
    const golden = v.parse(Golden, JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')))
    const model = new DenoiserModel(await openNet(runtime, join(folder, 'denoiser.onnx')), golden)
    const { moves } = await model.run(Float32Array.from(golden.frames.flat()), model.begin())
    const expected = golden.moves.flat()
    const worst = expected.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (moves[at] ?? NaN))),
      0,
    )
    if (expected.length === moves.length && worst <= golden.tolerance) return model
    throw refused(`it differs from its golden vectors by ${worst} nats, ${golden.tolerance} allowed`)
  } catch (thrown) {
    if (thrown instanceof ModelRefused) throw thrown
    throw refused('its files are missing or damaged', thrown)
  }
}

function refused(why: string, cause?: unknown): ModelRefused {
  return new ModelRefused(`the denoiser is not used: ${why}`, {
    remedy: 'Install Starling again; if it stays so, this processor computes the net wrongly: report it.',
    cause,
  })
}
