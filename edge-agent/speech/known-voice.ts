/**
 * A voice that is heard more than once over one line: one end of a call, utterance by utterance. What a stream learns of voice and line
 * is left here for the next one, which then need not begin from nothing.
 */

/** Frames of speech that are kept: by two and a half seconds both are known well, and who speaks now counts soon. */
export const KEPT_FRAMES = 250

/** Frames of speech one after the other, before anything was taken out of them; what a frame is depends on the line. */
export interface VoiceFrames {
  readonly sampleRate: number
  readonly values: Float32Array
}

export class KnownVoice {
  #frames: VoiceFrames | null = null

  /** What is known for a stream at this rate; of another rate nothing is. */
  at(sampleRate: number): Float32Array | null {
    return this.#frames?.sampleRate === sampleRate ? this.#frames.values : null
  }

  learn(frames: VoiceFrames): void {
    this.#frames = frames
  }
}

export function joinedFrames(frames: readonly Float64Array[]): Float32Array {
  const width = frames[0]?.length ?? 0
  const values = new Float32Array(frames.length * width)
  for (const [at, frame] of frames.entries()) values.set(frame, at * width)
  return values
}

export function* framesOf(values: Float32Array, width: number): Generator<Float64Array> {
  for (let at = 0; at + width <= values.length; at += width)
    yield Float64Array.from(values.subarray(at, at + width))
}
