/**
 * Moves each frame's cepstra to where they would be in quiet: a small recurrent net that has heard what comes shortly after
 * (edge-agent/models/denoiser, `npm run train -- denoiser`). One of these a stream.
 */
import type { NetTensor } from '../neural/net.ts'
import type { DenoiserModel } from './denoiser-model.ts'
import { cepstraOf, type Frame, MEL_BANDS, SHOWN } from './front-end.ts'

/** Always so many frames a run, so that what comes out does not depend on how the samples were cut. */
const STEP_FRAMES = 8

export class Denoiser {
  readonly #model: DenoiserModel
  #state: NetTensor
  readonly #waiting: Frame[] = []
  readonly #shown = new Float32Array(STEP_FRAMES * SHOWN)
  #held = 0
  /** Moves that belong to no frame: the net speaks of each frame when it has heard those that come after it. */
  #early: number
  #runtimeUs = 0

  constructor(model: DenoiserModel) {
    this.#model = model
    this.#state = model.begin()
    this.#early = model.ahead
  }

  /**
   * Takes frames in order, and gives those that have been moved, and the microseconds that the runtime took. At the end all
   * that wait are given: what would come after them is taken to be like the last.
   */
  async push(
    frames: readonly Frame[],
    isEnd: boolean,
  ): Promise<{ readonly frames: readonly Frame[]; readonly runtimeUs: number }> {
    const moved: Frame[] = []
    const before = this.#runtimeUs
    for (const frame of frames) {
      this.#waiting.push(frame)
      this.#show(frame)
      if (this.#held === STEP_FRAMES) moved.push(...(await this.#step()))
    }
    if (isEnd) moved.push(...(await this.#rest()))
    return { frames: moved, runtimeUs: this.#runtimeUs - before }
  }

  async #rest(): Promise<Frame[]> {
    const moved: Frame[] = []
    for (let last = this.#waiting.at(-1); last !== undefined; last = this.#waiting.at(-1)) {
      while (this.#held < STEP_FRAMES) this.#show(last)
      moved.push(...(await this.#step()))
    }
    return moved
  }

  #show(frame: Frame): void {
    this.#shown.set(frame.shown, this.#held * SHOWN)
    this.#held++
  }

  async #step(): Promise<Frame[]> {
    this.#held = 0
    const { moves, state, runtimeUs } = await this.#model.run(this.#shown, this.#state)
    this.#state = state
    this.#runtimeUs += runtimeUs
    const moved: Frame[] = []
    for (let row = 0; row < STEP_FRAMES; row++) {
      if (this.#early > 0) {
        this.#early--
        continue
      }
      const frame = this.#waiting.shift()
      if (frame === undefined) break
      const at = row * MEL_BANDS
      const bands = frame.logBands.map((band, b) => band + (moves[at + b] as number))
      moved.push({ ...frame, cepstra: cepstraOf(bands) })
    }
    return moved
  }
}
