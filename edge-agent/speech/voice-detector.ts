/** Another model's opinion, frame by frame, of whether somebody speaks: for streams whose user imported one. */
import { VOICE_CONTEXT, VOICE_STEP, type VoiceModel } from '../neural/voice-model.ts'
import type { NetTensor } from '../neural/net.ts'
import { FRAME_SHIFT } from './front-end.ts'

/** A frame's window, in samples: what is heard of a stream when the frame comes. */
const FRAME_WINDOW = 410

export class VoiceDetector {
  readonly #model: VoiceModel
  #state: NetTensor
  readonly #window = new Float32Array(VOICE_CONTEXT + VOICE_STEP)
  #held = 0
  readonly #probabilities: number[] = []

  constructor(model: VoiceModel) {
    this.#model = model
    this.#state = model.begin()
  }

  /** Takes 16 kHz samples (full scale 1). */
  async push(samples: Float32Array): Promise<void> {
    for (let at = 0; at < samples.length;) {
      const count = Math.min(VOICE_STEP - this.#held, samples.length - at)
      this.#window.set(samples.subarray(at, at + count), VOICE_CONTEXT + this.#held)
      this.#held += count
      at += count
      if (this.#held === VOICE_STEP) await this.#step()
    }
  }

  /** The probability of speech in the last step that was over when the frame was, however the samples were cut; 0 before the first. */
  speechAt(frame: number): number {
    const step = Math.floor((frame * FRAME_SHIFT + FRAME_WINDOW) / VOICE_STEP) - 1
    return this.#probabilities[Math.min(step, this.#probabilities.length - 1)] ?? 0
  }

  async #step(): Promise<void> {
    const { probability, state } = await this.#model.step(this.#window.slice(), this.#state)
    this.#state = state
    this.#probabilities.push(probability)
    this.#window.copyWithin(0, VOICE_STEP)
    this.#held = 0
  }
}
