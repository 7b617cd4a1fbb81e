/**
 * Which frames are speech: they stand above the tracked noise for long enough, and are not digital silence. None counts until
 * a voice was heard: noise of every colour stands out too while the noise tracker does not know it yet, and has no pitch.
 */
import type { Frame } from './front-end.ts'
import { VoicedFrames } from './voiced-frames.ts'

/** About -66 dB of full scale: quieter than any microphone that a person speaks into. */
const QUIETEST = 5e-4
/** Of the last WINDOW frames this many must stand out. */
const WINDOW = 10
const NEEDED = 5
/**
 * Measured: in 5 minutes each of white, pink and brown noise and hum no two frames within VOICED_WITHIN reach this; of 300
 * spoken digits and 200 commands, at 6 dB of kitchen noise too, all but one short "eight" have two or more.
 */
const VOICED = 0.5
const VOICED_WITHIN = 50

export class VoiceActivity {
  readonly #threshold: number
  readonly #recent = new Uint8Array(WINDOW)
  #frames = 0
  #standing = 0
  #speech = 0
  #quiet = 0
  #inSpeech = false
  #voicedAt = -Infinity
  #hasVoice = false
  #voicedFrom = 0
  readonly voiced = new VoicedFrames()

  constructor(threshold: number) {
    this.#threshold = threshold
  }

  /**
   * Takes the next frame and says whether it stands above the noise, a voice having been heard: noise is no part of the
   * speech's mean. `maySpeak` is another's opinion, false where nobody speaks.
   */
  push(frame: Frame, maySpeak: boolean): boolean {
    const stands = maySpeak && frame.aboveNoise > this.#threshold && frame.level > QUIETEST
    const slot = this.#frames % WINDOW
    this.#standing += (stands ? 1 : 0) - (this.#recent[slot] as number)
    this.#recent[slot] = stands ? 1 : 0
    this.#frames++
    if (frame.voicing > VOICED && stands) {
      if (!this.#hasVoice && this.#frames - this.#voicedAt <= VOICED_WITHIN) {
        this.#hasVoice = true
        this.#voicedFrom = this.#voicedAt - 1
      }
      this.#voicedAt = this.#frames
      this.voiced.add(this.#frames - 1, frame.level)
    }
    this.#inSpeech = this.#standing >= NEEDED
    if (this.#inSpeech) {
      this.#speech++
      this.#quiet = 0
    } else this.#quiet++
    return stands && this.#hasVoice
  }

  /** Whether a voice was heard yet. */
  get hasVoice(): boolean {
    return this.#hasVoice
  }

  /** The first frame with a voice in it that counted; 0 while none did. */
  get voicedFrom(): number {
    return this.#voicedFrom
  }

  /** Frames in which speech went on; none before a voice was heard. */
  get speechFrames(): number {
    return this.#hasVoice ? this.#speech : 0
  }

  /** Frames since speech was last heard. */
  get quietFrames(): number {
    return this.#quiet
  }
}
