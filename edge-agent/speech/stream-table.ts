/** The streams of one recogniser's thread: each takes its messages in order, none waits for another's. */
import { InvariantBroken, reportError } from '../../shared/errors.ts'
import type { VoiceModel } from '../neural/voice-model.ts'
import type { BatchScorer } from './batch-scorer.ts'
import { Channels } from './channels.ts'
import { Denoiser } from './denoiser.ts'
import type { DenoiserModel } from './denoiser-model.ts'
import { MEL_BANDS, observedBands, SAMPLE_RATE_HZ } from './front-end.ts'
import type { LanguageModel } from './language-model.ts'
import { Listening } from './listening.ts'
import type { FromRecogniser, StreamMessage } from './messages.ts'
import type { PhoneModel } from './phone-model.ts'
import type { SpeechMixture } from './speech-mixture.ts'
import { Resampler } from './resampler.ts'
import type { SearchNetwork } from './search-network.ts'
import { nextStrain, type Strain } from './strain.ts'
import type { Tuning } from './tuning.ts'
import { VoiceDetector } from './voice-detector.ts'

interface LoadedGrammar {
  readonly net: SearchNetwork
  readonly tuning: Tuning
  readonly language: LanguageModel
}

type Work = Exclude<StreamMessage, { kind: 'open' | 'abort' }>

interface OpenStream {
  readonly listening: Listening
  readonly resampler: Resampler
  readonly waiting: Work[]
  readonly learnsVoice: boolean
  isFinishing: boolean
  isWorking: boolean
}

export class StreamTable {
  readonly #model: PhoneModel
  readonly #channels: Channels
  readonly #denoiser: DenoiserModel
  readonly #scorer: BatchScorer
  readonly #openVoice: (dir: string) => Promise<VoiceModel>
  readonly #send: (message: FromRecogniser) => void
  readonly #grammars = new Map<string, LoadedGrammar>()
  readonly #streams = new Map<number, OpenStream>()
  readonly #voiceModels = new Map<string, Promise<VoiceModel>>()
  #strain: Strain = 'calm'

  constructor(o: {
    readonly model: PhoneModel
    readonly mixture: SpeechMixture
    readonly denoiser: DenoiserModel
    readonly scorer: BatchScorer
    openVoice(dir: string): Promise<VoiceModel>
    send(message: FromRecogniser): void
  }) {
    this.#model = o.model
    this.#channels = new Channels(o.mixture)
    this.#denoiser = o.denoiser
    this.#scorer = o.scorer
    this.#openVoice = async (dir) => await o.openVoice(dir)
    this.#send = (message) => o.send(message)
  }

  load(name: string, grammar: LoadedGrammar): void {
    this.#grammars.set(name, grammar)
  }

  /** Streams that are open hold it until they end. */
  drop(name: string): void {
    this.#grammars.delete(name)
  }

  take(message: StreamMessage): void {
    if (message.kind === 'open') {
      try {
        this.#open(message)
      } catch (thrown) {
        this.#fail(message.stream, thrown)
      }
      return
    }
    const open = this.#streams.get(message.stream)
    if (message.kind === 'abort') {
      open?.waiting.splice(0)
      this.#streams.delete(message.stream)
      this.#watch()
      return
    }
    if (open === undefined) return
    open.waiting.push(message)
    if (message.kind === 'finish') open.isFinishing = true
    this.#watch()
    if (!open.isWorking) void this.#work(message.stream, open)
  }

  #open({
    stream,
    grammar: name,
    sampleRate,
    endpointing,
    bias,
    voiceModel,
    voice,
    learnsVoice,
  }: Extract<StreamMessage, { kind: 'open' }>): void {
    const grammar = this.#grammars.get(name)
    if (grammar === undefined) throw new InvariantBroken(`grammar ${name} was loaded`)
    const open: OpenStream = {
      resampler: new Resampler(sampleRate, SAMPLE_RATE_HZ),
      listening: new Listening({
        ...grammar,
        model: this.#model,
        endpointing,
        ...(bias === null ? {} : { bias }),
        ...(voiceModel === null ? {} : { detector: () => this.#detector(voiceModel) }),
        ...(grammar.tuning.denoised && observedBands(sampleRate) === MEL_BANDS
          ? { denoiser: new Denoiser(this.#denoiser) }
          : {}),
        channel: this.#channels.open(sampleRate, grammar.tuning),
        ...(voice === null ? {} : { voice }),
        score: (features, frames) => this.#scorer.score(features, frames, open.isFinishing),
        events: {
          onPartial: (partial) => {
            // A lone stream gives up nothing: nobody would gain by it.
            if (this.#strain === 'calm' || this.#streams.size === 1)
              this.#send({ kind: 'partial', stream, partial })
          },
          onEndpoint: (rule) => this.#send({ kind: 'endpoint', stream, rule }),
        },
      }),
      waiting: [],
      learnsVoice,
      isFinishing: false,
      isWorking: false,
    }
    this.#streams.set(stream, open)
  }

  /** A model is opened once; one that is refused fails its stream, and is tried again by the next. */
  async #detector(dir: string): Promise<VoiceDetector> {
    const opening = this.#voiceModels.get(dir) ?? this.#openVoice(dir)
    this.#voiceModels.set(dir, opening)
    try {
      return new VoiceDetector(await opening)
    } catch (thrown) {
      this.#voiceModels.delete(dir)
      throw thrown
    }
  }

  async #work(stream: number, open: OpenStream): Promise<void> {
    open.isWorking = true
    try {
      for (let work = open.waiting[0]; work !== undefined; work = open.waiting[0]) {
        if (work.kind === 'finish') {
          await this.#finish(stream, open)
          return
        }
        await open.listening.push(open.resampler.push(work.samples))
        open.waiting.shift()
        this.#send({ kind: 'taken', stream, samples: work.samples.length })
      }
    } catch (thrown) {
      this.#fail(stream, thrown)
    } finally {
      open.isWorking = false
      this.#watch()
    }
  }

  async #finish(stream: number, open: OpenStream): Promise<void> {
    await open.listening.push(open.resampler.finish())
    const hypothesis = await open.listening.finish()
    open.waiting.splice(0)
    this.#streams.delete(stream)
    // Before the final: who has it may open another stream at once.
    this.#watch()
    const voice = open.learnsVoice ? open.listening.lastSpeech() : null
    this.#send({ kind: 'final', stream, hypothesis, voice })
  }

  #fail(stream: number, thrown: unknown): void {
    this.#streams.get(stream)?.waiting.splice(0)
    this.#streams.delete(stream)
    this.#send({ kind: 'stream-failed', stream, error: reportError(thrown) })
  }

  /** Looks at the audio that has waited longest, and tells when what is given up for it changes. */
  #watch(): void {
    const nowMs = performance.timeOrigin + performance.now()
    let behindMs = 0
    for (const { waiting } of this.#streams.values()) {
      const [oldest] = waiting
      if (oldest !== undefined) behindMs = Math.max(behindMs, nowMs - oldest.sentMs)
    }
    const next = nextStrain(this.#strain, behindMs)
    if (next === this.#strain) return
    this.#strain = next
    this.#send({ kind: 'strain', strain: next })
  }
}
