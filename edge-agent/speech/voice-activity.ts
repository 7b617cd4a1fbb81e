/** Which frames are speech: they stand above the tracked noise for long enough, and are not digital silence. */
import type { Frame } from './front-end.ts'

/** About -66 dB of full scale: quieter than any microphone that a person speaks into. */
const QUIETEST = 5e-4
/** Of the last WINDOW frames this many must stand out. */
const WINDOW = 10
const NEEDED = 5

export class VoiceActivity {
  readonly #threshold: number
  readonly #recent = new Uint8Array(WINDOW)
  #frames = 0
  #standing = 0
  #speech = 0
  #quiet = 0
  #inSpeech = false

  constructor(threshold: number) {
    this.#threshold = threshold
  }

  /** Takes the next frame and says whether it stands above the noise. */
  push(frame: Frame): boolean {
    const stands = frame.aboveNoise > this.#threshold && frame.level > QUIETEST
    const slot = this.#frames % WINDOW
    this.#standing += (stands ? 1 : 0) - (this.#recent[slot] as number)
    this.#recent[slot] = stands ? 1 : 0
    this.#frames++
    this.#inSpeech = this.#standing >= NEEDED
    if (this.#inSpeech) {
      this.#speech++
      this.#quiet = 0
    } else this.#quiet++
    return stands
  }

  /** Frames in which speech went on. */
  get speechFrames(): number {
    return this.#speech
  }

  /** Frames since speech was last heard. */
  get quietFrames(): number {
    return this.#quiet
  }
}
