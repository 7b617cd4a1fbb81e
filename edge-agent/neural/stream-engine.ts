/**
 * Many streams through one model. Whoever has a window of frames waiting steps in the next run together with all others
 * that have; the more there are, the fewer runs each second of audio costs. Pure but for the nets that it is given.
 */
import { Resampler } from '../speech/resampler.ts'
import { frameMs, type StreamingContract } from './contract.ts'
import { canStep, type Encoder, type EncodedStream } from './encoder.ts'
import { wordsHeard } from './emission.ts'
import { frameOpener, type FrameSource } from './frame-source.ts'
import { openSearch, type GreedySearch, type SearchState } from './greedy-search.ts'
import type { NeuralHypothesis } from './messages.ts'
import { freshStates } from './stacked-states.ts'
import type { Tokens } from './tokens.ts'

/** Who pushes need not hear of every step: far less than lets a caller wait. */
const TOLD_EVERY_S = 0.5

export interface EngineEvents {
  onPartial(stream: number, text: string): void
  /** `samples` of those that were pushed are decoded. */
  onDrained(stream: number, samples: number): void
  onFinal(stream: number, hypothesis: NeuralHypothesis): void
}

interface Live extends EncodedStream {
  readonly id: number
  readonly resampler: Resampler
  readonly search: SearchState
  readonly sampleRate: number
  samples: number
  /** Pushed and not yet told as drained. */
  pending: number
  isFinishing: boolean
  runtimeUs: number
  readonly partials: boolean
  /** Emissions that the last partial was made of. */
  shown: number
}

export class StreamEngine {
  readonly #contract: StreamingContract
  readonly #tokens: Tokens
  readonly #encoder: Encoder
  readonly #search: GreedySearch
  readonly #events: EngineEvents
  readonly #openFrames: () => FrameSource
  readonly #live = new Map<number, Live>()

  constructor(parts: {
    readonly contract: StreamingContract
    readonly tokens: Tokens
    readonly encoder: Encoder
    readonly search: GreedySearch
    readonly events: EngineEvents
  }) {
    this.#contract = parts.contract
    this.#tokens = parts.tokens
    this.#encoder = parts.encoder
    this.#search = parts.search
    this.#events = parts.events
    this.#openFrames = frameOpener(parts.contract.frames)
  }

  open(
    id: number,
    { sampleRate, partials }: { readonly sampleRate: number; readonly partials: boolean },
  ): void {
    this.#live.set(id, {
      id,
      sampleRate,
      own: freshStates(this.#contract.states),
      frames: this.#openFrames(),
      resampler: new Resampler(sampleRate, this.#contract.frames.sampleRateHz),
      search: openSearch(),
      processed: 0,
      samples: 0,
      pending: 0,
      isFinishing: false,
      runtimeUs: 0,
      partials,
      shown: 0,
    })
  }

  push(id: number, samples: Float32Array): void {
    const stream = this.#live.get(id)
    if (stream === undefined || stream.isFinishing) return
    stream.frames.push(stream.resampler.push(samples))
    stream.samples += samples.length
    stream.pending += samples.length
  }

  finish(id: number): void {
    const stream = this.#live.get(id)
    if (stream === undefined || stream.isFinishing) return
    const { frames, resampler } = stream
    frames.push(resampler.finish())
    frames.push(new Float32Array(tailSamples(this.#contract)))
    frames.finish()
    stream.isFinishing = true
  }

  abort(id: number): void {
    const stream = this.#live.get(id)
    if (stream === undefined) return
    this.#live.delete(id)
    this.#encoder.forget(stream)
  }

  /** The streams that the last step failed for; the engine forgets them. */
  dropAll(): readonly number[] {
    const ids = [...this.#live.keys()]
    for (const id of ids) this.abort(id)
    return ids
  }

  /** One run for the streams that can step, or the news that none can. True when more may be done at once. */
  async tick(): Promise<boolean> {
    const ready: Live[] = []
    for (const stream of this.#live.values()) {
      if (canStep(this.#contract, stream)) {
        if (ready.length < this.#contract.maxBatch) ready.push(stream)
      } else this.#settle(stream)
    }
    if (ready.length === 0) return false
    const began = performance.now()
    const encoded = await this.#encoder.step(ready)
    await this.#search.advance(
      ready.map(({ search }) => search),
      encoded,
    )
    const shareUs = ((performance.now() - began) * 1_000) / ready.length
    for (const stream of ready) {
      stream.runtimeUs += shareUs
      this.#show(stream)
      // Whoever has stepped goes to the back, so that more streams than fit one run take turns.
      if (ready.length === this.#contract.maxBatch) {
        this.#live.delete(stream.id)
        this.#live.set(stream.id, stream)
      }
    }
    return true
  }

  #show(stream: Live): void {
    const { length } = stream.search.emissions
    if (!stream.partials || length === stream.shown) return
    stream.shown = length
    this.#events.onPartial(
      stream.id,
      this.#words(stream)
        .map(({ word }) => word)
        .join(' '),
    )
  }

  #settle(stream: Live): void {
    if (stream.isFinishing) {
      this.abort(stream.id)
      this.#events.onFinal(stream.id, this.#hypothesis(stream))
    } else if (stream.pending >= stream.sampleRate * TOLD_EVERY_S) {
      this.#events.onDrained(stream.id, stream.pending)
      stream.pending = 0
    }
  }

  #hypothesis(stream: Live): NeuralHypothesis {
    const words = this.#words(stream)
    const unitMs = this.#unitMs(stream)
    return {
      kind: words.length === 0 ? 'nothing' : 'heard',
      text: words.map(({ word }) => word).join(' '),
      words,
      confidence: words.reduce(
        (least, { confidence }) => Math.min(least, confidence),
        words.length === 0 ? 0 : 1,
      ),
      tokens: stream.search.emissions.map(({ id, frame }) => ({
        symbol: this.#tokens.symbol(id),
        atMs: frame * unitMs,
      })),
      audioMs: (stream.samples / stream.sampleRate) * 1_000,
      runtimeUs: stream.runtimeUs,
    }
  }

  #words(stream: Live) {
    return wordsHeard(stream.search.emissions, this.#tokens, this.#unitMs(stream))
  }

  /** How long one output frame lasts: a step's length by the rows that a step gives. */
  #unitMs({ processed, search }: Live): number {
    return search.frames === 0 ? 0 : (processed * frameMs(this.#contract.frames)) / search.frames
  }
}

/** Silence after the end, so that the last window, and the one after it that the look-ahead reaches into, are stepped over. */
export function tailSamples({ frames, windowFrames, shiftFrames }: StreamingContract): number {
  const spanMs = (windowFrames + shiftFrames + 1) * frameMs(frames)
  return Math.ceil((spanMs * frames.sampleRateHz) / 1_000)
}
