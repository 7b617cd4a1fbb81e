/** One stream inside the recogniser's thread: samples in, partials and one hypothesis out. */
import { BeamSearch } from './beam-search.ts'
import { conclude, type Concluded, NOTHING_HEARD } from './conclusion.ts'
import { ENDPOINT_RULES, endpointRule, type EndpointRule, type EndpointRules } from './endpointing.ts'
import { CepstralTrack, FEATURES, LOOK_AHEAD } from './features.ts'
import { FreePath } from './free-path.ts'
import { CEPSTRA, type Frame, FrontEnd } from './front-end.ts'
import type { Hypothesis, Partial } from './hypothesis.ts'
import type { PhoneModel } from './phone-model.ts'
import type { SearchNetwork } from './search-network.ts'
import { stableWords } from './stable-words.ts'
import type { Tuning } from './tuning.ts'
import { VoiceActivity } from './voice-activity.ts'

/** Senone scores of `frames` rows of features, and the time the runtime took. */
export type Scorer = (
  features: Float32Array,
  frames: number,
) => Promise<{ senones: Float32Array; runtimeUs: number }>

/** Frames scored in one run: 160 ms keeps partials quick and the runtime's own cost small. */
const BLOCK = 16
/** The mean that the model's training audio had; a microphone's own takes over as it is heard. */
export const INITIAL_MEAN = Float64Array.of(
  41,
  -5.29,
  -0.12,
  5.09,
  2.48,
  -4.07,
  -1.37,
  -1.78,
  -5.08,
  -2.05,
  -6.45,
  -1.42,
  1.17,
)
const PARTIAL_EVERY_FRAMES = 25
/** Shorter bursts than this are clicks, not words. */
const LEAST_SPEECH_FRAMES = 12
const FRAME_MS = 10

export interface ListeningEvents {
  onPartial(partial: Partial): void
  onEndpoint(rule: EndpointRule): void
}

export class Listening {
  readonly #net: SearchNetwork
  readonly #tuning: Tuning
  readonly #score: Scorer
  readonly #events: ListeningEvents
  readonly #frontEnd: FrontEnd
  readonly #track = new CepstralTrack()
  readonly #voice: VoiceActivity
  readonly #search: BeamSearch
  readonly #free: FreePath
  readonly #senoneCount: number
  readonly #sum: Float64Array
  #speechInMean = 0
  readonly #prior: Float64Array
  #decoded = 0
  #partials = 0
  #lastPartial = ''
  #partialAt = 0
  #runtimeUs = 0
  #totalUs = 0
  #stable = 0
  #endpointTold = false
  readonly #rules: EndpointRules

  constructor(o: {
    net: SearchNetwork
    model: PhoneModel
    tuning: Tuning
    score: Scorer
    events: ListeningEvents
    endpointing?: EndpointRules
    transform?: Float64Array
    prior?: Float64Array
  }) {
    this.#net = o.net
    this.#tuning = o.tuning
    this.#score = o.score
    this.#events = o.events
    this.#rules = o.endpointing ?? ENDPOINT_RULES
    this.#frontEnd = new FrontEnd(o.transform)
    this.#voice = new VoiceActivity(o.tuning.speechAboveNoise)
    this.#search = new BeamSearch(o.net, o.model, o.tuning.beams)
    this.#free = new FreePath(o.model)
    this.#senoneCount = o.model.senoneCount
    this.#sum = new Float64Array(CEPSTRA)
    this.#prior = o.prior ?? INITIAL_MEAN
  }

  async push(samples: Float32Array): Promise<void> {
    const start = performance.now()
    const frames = this.#frontEnd.push(samples)
    this.#spent(start)
    // Block by block, so that the running mean, and with it the result, does not depend on how the samples were cut.
    for (const frame of frames) {
      this.#hear(frame)
      if (this.#track.count - LOOK_AHEAD - this.#decoded >= BLOCK) await this.#decode(BLOCK)
    }
  }

  async finish(): Promise<Hypothesis> {
    const start = performance.now()
    for (const frame of this.#frontEnd.finish()) this.#hear(frame)
    while (this.#decoded < this.#track.count)
      await this.#decode(Math.min(BLOCK, this.#track.count - this.#decoded))
    if (this.#track.count > 0 && this.#track.count <= this.#tuning.secondPassFrames && this.#heardSpeech())
      await this.#again()
    const concluding = performance.now()
    const hypothesis = this.#conclude()
    this.#spent(concluding)
    const finishUs = (performance.now() - start) * 1_000
    return { ...hypothesis, partialsCount: this.#partials, timings: this.#timings(finishUs) }
  }

  /** The mean of the speech heard, for the next stream from the same microphone. */
  mean(): Float64Array {
    const out = new Float64Array(CEPSTRA)
    const weight = this.#tuning.priorFrames
    for (let c = 0; c < CEPSTRA; c++)
      out[c] =
        ((this.#prior[c] as number) * weight + (this.#sum[c] as number)) / (weight + this.#speechInMean)
    return out
  }

  #timings(finishUs: number) {
    return {
      audioMs: this.#track.count * 10,
      runtimeUs: Math.round(this.#runtimeUs),
      totalUs: Math.round(this.#totalUs),
      finishUs: Math.round(finishUs),
    }
  }

  #hear(frame: Frame): void {
    this.#track.push(frame.cepstra)
    if (!this.#voice.push(frame)) return
    this.#speechInMean++
    for (let c = 0; c < CEPSTRA; c++) this.#sum[c] = (this.#sum[c] as number) + (frame.cepstra[c] as number)
  }

  #heardSpeech(): boolean {
    return this.#voice.speechFrames >= LEAST_SPEECH_FRAMES
  }

  async #decode(frames: number): Promise<void> {
    await this.#run(this.#decoded, frames, this.mean())
    this.#decoded += frames
    this.#tellPartial()
    this.#tellEndpoint()
  }

  async #run(from: number, frames: number, mean: Float64Array): Promise<void> {
    const features = new Float32Array(frames * FEATURES)
    this.#track.write(from, from + frames, mean, features)
    const { senones, runtimeUs } = await this.#score(features, frames)
    // Other streams work while this one waits for its scores: only its own share counts.
    this.#runtimeUs += runtimeUs
    this.#totalUs += runtimeUs
    const start = performance.now()
    for (let t = 0; t < frames; t++) {
      this.#search.step(senones, t * this.#senoneCount)
      this.#free.step(senones, t * this.#senoneCount)
    }
    this.#spent(start)
  }

  #spent(sinceMs: number): void {
    this.#totalUs += (performance.now() - sinceMs) * 1_000
  }

  async #again(): Promise<void> {
    const mean = new Float64Array(CEPSTRA)
    for (let c = 0; c < CEPSTRA; c++) mean[c] = (this.#sum[c] as number) / Math.max(1, this.#speechInMean)
    this.#search.restart()
    this.#free.restart()
    const count = this.#track.count
    for (let from = 0; from < count; from += 64) await this.#run(from, Math.min(64, count - from), mean)
  }

  #tellPartial(): void {
    if (this.#decoded - this.#partialAt < PARTIAL_EVERY_FRAMES || !this.#heardSpeech()) return
    this.#partialAt = this.#decoded
    const words = this.#search.running().spans.flatMap((span) => this.#net.words[span.word]?.text ?? [])
    const text = words.join(' ')
    // What may be decoded once more is not stable yet.
    const isOpen = this.#track.count <= this.#tuning.secondPassFrames
    const stable = isOpen ? 0 : stableWords(this.#search.history, this.#search.live()).length
    if (text === this.#lastPartial && stable === this.#stable) return
    this.#lastPartial = text
    this.#stable = stable
    this.#partials++
    this.#events.onPartial({ text, words, stableWords: stable, audioMs: this.#decoded * FRAME_MS })
  }

  #tellEndpoint(): void {
    if (this.#endpointTold) return
    const rule = endpointRule(
      {
        heardMs: this.#decoded * FRAME_MS,
        quietMs: this.#voice.quietFrames * FRAME_MS,
        spoke: this.#heardSpeech(),
        isSentence: () => this.#search.best().complete,
      },
      this.#rules,
    )
    if (rule === undefined) return
    this.#endpointTold = true
    this.#events.onEndpoint(rule)
  }

  #conclude(): Concluded {
    return this.#heardSpeech() ? conclude(this.#search, this.#free, this.#net) : NOTHING_HEARD
  }
}
