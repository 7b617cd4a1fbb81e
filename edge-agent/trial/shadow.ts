/**
 * A new version beside the one that runs: it gets the same live input, after the turn got its answer, and what it makes of it is
 * compared, counted and forgotten. Nothing that it says is acted on, and nothing that it does (fail, hang, fall behind) is noticed
 * by a turn.
 */
import { isDeepStrictEqual } from 'node:util'
import { OUT_OF_SCOPE } from '../intent/wish.ts'
import type { AudioSource, Ears, Heard, Meaning, Mind } from '../turn/ports.ts'

/** How often the two were compared since the shadow began; each count only grows. */
export interface ShadowCounts {
  readonly inputs: number
  /** The present version made something of it, and the new one nothing, or something else: the present one is believed. */
  readonly worse: number
  /** The present version made nothing of it, and the new one something. */
  readonly better: number
  /** Inputs that were not compared: too long, or too many at once. */
  readonly skipped: number
}

/** Asked for anew at each input: its grammar follows the names that people may say. */
export type Candidate =
  | { readonly kind: 'speech'; ears(): Ears }
  | { readonly kind: 'understanding'; mind(): Mind }

/** Longer speech is no command; at 48 kHz it is 6 MB. */
const MAX_SPOKEN_S = 30
/** Inputs that wait for the new version: a slow one must not fill the memory. */
const MAX_WAITING = 4
/** One input; a version that takes longer has failed with it. */
const MAX_INPUT_MS = 30_000

export class Shadow {
  readonly #candidate: Candidate
  readonly #stop = new AbortController()
  #counts: ShadowCounts = { inputs: 0, worse: 0, better: 0, skipped: 0 }
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(candidate: Candidate) {
    this.#candidate = candidate
  }

  counts(): ShadowCounts {
    return this.#counts
  }

  /** The same ears, with the shadow listening. */
  ears(present: Ears): Ears {
    const candidate = this.#candidate
    if (candidate.kind !== 'speech') return present
    return {
      model: present.model,
      listen: async (audio, options) => {
        const kept = recorded(audio)
        const heard = await present.listen(kept.audio, options)
        const again = kept.again()
        this.#beside(async (signal) => {
          if (again === null) return null
          const other = await candidate.ears().listen(again, { onPartial: () => undefined, signal })
          return heardBetter(heard, other)
        })
        return heard
      },
    }
  }

  /** The same mind, with the shadow thinking. */
  mind(present: Mind): Mind {
    const candidate = this.#candidate
    if (candidate.kind !== 'understanding') return present
    return {
      model: present.model,
      phraseOf: (intent) => present.phraseOf(intent),
      thresholdsOf: (intent) => present.thresholdsOf(intent),
      understand: async (utterance) => {
        const meant = await present.understand(utterance)
        this.#beside(async () => understoodBetter(meant, await candidate.mind().understand(utterance)))
        return meant
      },
    }
  }

  /** Resolves when all that was taken up has been compared. */
  async settled(): Promise<void> {
    await this.#last
  }

  /** Compares nothing more; resolves when nothing runs. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#last
  }

  /** One after another. A failure of the new version is a difference like any other: the present one did not fail. */
  #beside(compare: (signal: AbortSignal) => Promise<Comparison | null>): void {
    if (this.#stop.signal.aborted) return
    if (this.#waiting >= MAX_WAITING) return this.#count(null)
    this.#waiting += 1
    const before = this.#last
    this.#last = this.#compared(before, compare)
  }

  async #compared(
    before: Promise<void>,
    compare: (signal: AbortSignal) => Promise<Comparison | null>,
  ): Promise<void> {
    await before
    if (this.#stop.signal.aborted) return
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(MAX_INPUT_MS)])
    const outcome = await untilAborted(compare(signal), signal).catch((): Comparison => 'worse')
    this.#waiting -= 1
    if (!this.#stop.signal.aborted) this.#count(outcome)
  }

  #count(outcome: Comparison | null): void {
    const { inputs, worse, better, skipped } = this.#counts
    this.#counts =
      outcome === null
        ? { ...this.#counts, skipped: skipped + 1 }
        : {
            inputs: inputs + 1,
            worse: worse + (outcome === 'worse' ? 1 : 0),
            better: better + (outcome === 'better' ? 1 : 0),
            skipped,
          }
  }
}

type Comparison = 'same' | 'worse' | 'better'

function heardBetter(present: Heard, other: Heard): Comparison {
  if (present.kind !== 'heard') return other.kind === 'heard' ? 'better' : 'same'
  return other.kind === 'heard' && other.text === present.text ? 'same' : 'worse'
}

function understoodBetter(present: Meaning, other: Meaning): Comparison {
  if (present.intent === OUT_OF_SCOPE) return other.intent === OUT_OF_SCOPE ? 'same' : 'better'
  return isDeepStrictEqual(wishesOf(present), wishesOf(other)) ? 'same' : 'worse'
}

function wishesOf(meaning: Meaning): unknown {
  return [meaning, ...meaning.further].map(({ intent, slots }) => ({ intent, slots }))
}

/** The audio as it passes, kept for a second hearing; null where it was too long. */
function recorded(audio: AudioSource): { readonly audio: AudioSource; again(): AudioSource | null } {
  const kept: Float32Array[] = []
  let samples = 0
  async function* passing(): AsyncGenerator<Float32Array> {
    for await (const block of audio.blocks) {
      samples += block.length
      // A copy: the blocks may be handed over to a thread.
      if (samples <= MAX_SPOKEN_S * audio.sampleRateHz) kept.push(block.slice())
      else kept.length = 0
      yield block
    }
  }
  async function* playing(): AsyncGenerator<Float32Array> {
    yield* kept
  }
  return {
    audio: { ...audio, blocks: passing() },
    again: () =>
      samples > MAX_SPOKEN_S * audio.sampleRateHz
        ? null
        : { kind: audio.kind, sampleRateHz: audio.sampleRateHz, warnings: [], blocks: playing() },
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
