/** One stream inside the recogniser's thread: samples in, partials and one hypothesis out. */
import { BeamSearch } from './beam-search.ts'
import type { Beams } from './beams.ts'
import type { Channel } from './channel.ts'
import type { Denoiser } from './denoiser.ts'
import { Bias, type BiasList } from './bias.ts'
import { conclude, type Concluded, NOTHING_HEARD } from './conclusion.ts'
import { ENDPOINT_RULES, endpointRule, type EndpointRule, type EndpointRules } from './endpointing.ts'
import { CepstralTrack, FEATURES, type FrameRows, LOOK_AHEAD } from './features.ts'
import { FrameWeights } from './frame-weights.ts'
import { FreePath } from './free-path.ts'
import { type Frame, FrontEnd } from './front-end.ts'
import type { Hypothesis, Partial } from './hypothesis.ts'
import type { LanguageModel } from './language-model.ts'
import { OpenWords } from './open-words.ts'
import type { PhoneModel } from './phone-model.ts'
import { isAllOpen, SecondPass } from './second-pass/second-pass.ts'
import { type SearchNetwork, wordAt } from './search-network.ts'
import { isSaidSo } from './said-so.ts'
import type { StreamScorer } from './scorer.ts'
import { SoundChanges } from './sound-changes.ts'
import { stableWords } from './stable-words.ts'
import type { Tuning } from './tuning.ts'
import { VoiceActivity } from './voice-activity.ts'
import type { VoiceDetector } from './voice-detector.ts'

/** Frames scored in one run: 160 ms keeps partials quick and the runtime's own cost small. */
const BLOCK = 16
/** Nobody waits for a part of what is decoded again: larger runs cost less. */
const AGAIN_BLOCK = 64
/** Of a sketch one frame in so many is scored; of every fourth the first partial would often come a quarter of a second later. */
const SKETCH_EVERY = 2
/** Audio so short is decoded again at its end: its channel was hardly known before, and it takes a few milliseconds. */
const SHORT_FRAMES = 150
const PARTIAL_EVERY_FRAMES = 25
/** Shorter bursts than this are clicks, not words. */
const LEAST_SPEECH_FRAMES = 12
const FRAME_MS = 10
/** The probability of speech below which an imported model of voice activity says that nobody speaks. */
const LEAST_DETECTED = 0.3
/** A word may begin this long before its first voiced sound, with silence before it. */
const LEAD_FRAMES = 50
/** Speech before which the channel is hardly known: what is decoded earlier would be decoded again. */
const FIRST_SPEECH_FRAMES = 30
/** A pause this long ends a word, or a sentence that is shorter than that. */
const FIRST_PAUSE_FRAMES = 20
/** A pause this long may be the end, and leaves time to decode for good what was only sketched. */
const SKETCH_PAUSE_FRAMES = 30

export interface ListeningEvents {
  onPartial(partial: Partial): void
  onEndpoint(rule: EndpointRule): void
}

export class Listening {
  readonly #net: SearchNetwork
  readonly #tuning: Tuning
  readonly #score: StreamScorer
  readonly #events: ListeningEvents
  readonly #openDetector: (() => Promise<VoiceDetector>) | undefined
  #detector: VoiceDetector | undefined
  readonly #frontEnd = new FrontEnd()
  readonly #denoiser: Denoiser | undefined
  readonly #track = new CepstralTrack()
  readonly #weights: FrameWeights
  readonly #voice: VoiceActivity
  readonly #search: BeamSearch
  readonly #second: SecondPass | null
  readonly #beams: Beams
  readonly #free: FreePath
  readonly #changes = new SoundChanges()
  readonly #senoneCount: number
  readonly #channel: Channel
  /** Speech frames of the same voice that were heard before. */
  readonly #recalled: number
  /** Whether the search has begun. */
  #begun = false
  /** What is decoded is a sketch, for partials alone: the channel is hardly known, and all of it will be decoded again. */
  #isSketch = false
  #decoded = 0
  /** The first frame that is searched. */
  #from = 0
  /** Speech frames that the channel knew when all was last decoded again. */
  #settledAt = 0
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
    language: LanguageModel
    tuning: Tuning
    score: StreamScorer
    /** Another's opinion of whether somebody speaks. */
    detector?: () => Promise<VoiceDetector>
    /** For audio of all bands; it was taught on that. */
    denoiser?: Denoiser
    events: ListeningEvents
    channel: Channel
    /** Speech of the same voice that the channel is to know beforehand. */
    voice?: Float32Array
    endpointing?: EndpointRules
    bias?: BiasList
  }) {
    this.#net = o.net
    this.#tuning = o.tuning
    this.#score = o.score
    this.#events = o.events
    this.#rules = o.endpointing ?? ENDPOINT_RULES
    this.#openDetector = o.detector
    this.#denoiser = o.denoiser
    this.#weights = new FrameWeights(o.tuning.leastFrameWeight)
    this.#voice = new VoiceActivity(o.tuning.speechAboveNoise)
    this.#beams = o.net.openTo.length === 0 ? o.tuning.beams : o.tuning.openBeams
    const bias = o.bias === undefined ? null : new Bias(o.net, o.bias)
    this.#search = new BeamSearch(o.net, {
      model: o.model,
      beams: this.#beams,
      open: new OpenWords(o.language, o.net, o.tuning.open),
      bias,
    })
    const { second } = o.tuning
    this.#second =
      second === null || !isAllOpen(o.net)
        ? null
        : new SecondPass(o.net, {
            model: o.model,
            beams: second.beams,
            open: new OpenWords(o.language, o.net, { ...o.tuning.open, ...second }),
            bias,
          })
    this.#free = new FreePath(o.model)
    this.#senoneCount = o.model.senoneCount
    this.#channel = o.channel
    this.#recalled = o.voice === undefined ? 0 : o.channel.recall(o.voice)
  }

  async push(samples: Float32Array): Promise<void> {
    this.#detector ??= await this.#openDetector?.()
    await this.#detector?.push(samples)
    const start = performance.now()
    const frames = this.#frontEnd.push(samples)
    this.#spent(start)
    // Block by block, so that the running mean, and with it the result, does not depend on how the samples were cut.
    for (const frame of await this.#inQuiet(frames, false)) {
      this.#hear(frame)
      if (!this.#begun) this.#wait()
      else await this.#decodeReady()
    }
  }

  /** Frames as they would be in quiet, some of them later. */
  async #inQuiet(heard: readonly Frame[], isEnd: boolean): Promise<readonly Frame[]> {
    for (const frame of heard) this.#changes.push(frame)
    const { frames, runtimeUs } = (await this.#denoiser?.push(heard, isEnd)) ?? {
      frames: heard,
      runtimeUs: 0,
    }
    this.#runtimeUs += runtimeUs
    this.#totalUs += runtimeUs
    return frames
  }

  /** One block, but for the beginning, where more of them are there and cost less together. */
  async #decodeReady(): Promise<void> {
    const ready = this.#track.count - LOOK_AHEAD - this.#decoded
    if (ready >= BLOCK) await this.#decode(Math.min(ready - (ready % BLOCK), AGAIN_BLOCK))
  }

  /** Nothing is searched before a voice is heard, but for a little of what stands before it: noise costs and means nothing. */
  #wait(): void {
    const { hasVoice, speechFrames, quietFrames } = this.#voice
    if (hasVoice && (speechFrames >= FIRST_SPEECH_FRAMES || quietFrames >= FIRST_PAUSE_FRAMES))
      this.#begin(this.#isMore())
    else if (this.#track.count % BLOCK === 0) this.#tellEndpoint(this.#track.count)
  }

  #begin(isMore: boolean): void {
    this.#begun = true
    this.#from = Math.max(0, this.#voice.voicedFrom - LEAD_FRAMES)
    this.#decoded = this.#from
    this.#settle()
    this.#isSketch = isMore && this.#track.count < this.#tuning.againFrames
    if (this.#isSketch) this.#search.restart(this.#tuning.sketchBeams)
  }

  /** Whether the speaker seems to go on, and is hardly known yet. */
  #isMore(): boolean {
    return this.#voice.quietFrames < SKETCH_PAUSE_FRAMES && this.#known() < this.#tuning.settleAtFrames
  }

  /** Speech frames by which the channel is known. */
  #known(): number {
    return this.#recalled + this.#voice.speechFrames
  }

  /** What was learnt of the voice, for a later stream of it. */
  lastSpeech(): Float32Array {
    return this.#channel.lastSpeech()
  }

  async finish(): Promise<Hypothesis> {
    const start = performance.now()
    for (const frame of await this.#inQuiet(this.#frontEnd.finish(), true)) this.#hear(frame)
    if (!this.#begun && this.#voice.hasVoice) this.#begin(false)
    if (this.#isSketch) {
      this.#decoded = this.#track.count
      await this.#again()
    }
    while (this.#begun && this.#decoded < this.#track.count)
      await this.#decode(Math.min(AGAIN_BLOCK, this.#track.count - this.#decoded))
    const isShort = this.#track.count <= SHORT_FRAMES && this.#heardSpeech()
    if (isShort && this.#settledAt < this.#known()) await this.#again()
    const concluding = performance.now()
    const hypothesis = this.#conclude()
    this.#spent(concluding)
    const finishUs = (performance.now() - start) * 1_000
    return { ...hypothesis, partialsCount: this.#partials, timings: this.#timings(finishUs) }
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
    const maySpeak = (this.#detector?.speechAt(this.#track.count) ?? 1) >= LEAST_DETECTED
    this.#weights.push(frame)
    this.#track.push(this.#channel.hear(frame, this.#voice.push(frame, maySpeak)))
  }

  #heardSpeech(): boolean {
    return this.#voice.speechFrames >= LEAST_SPEECH_FRAMES
  }

  async #decode(frames: number): Promise<void> {
    const every = this.#isSketch ? SKETCH_EVERY : 1
    await this.#run({ from: this.#decoded, every, rows: Math.ceil(frames / every) }, this.#channel.mean())
    this.#decoded += frames
    if (this.#channelIsBetterKnown()) await this.#again()
    this.#tellPartial()
    this.#tellEndpoint(this.#decoded)
  }

  async #run(frames: FrameRows, mean: Float64Array): Promise<void> {
    const features = new Float32Array(frames.rows * FEATURES)
    this.#track.write(frames, mean, features)
    const { senones, runtimeUs } = await this.#score(features, frames.rows, frames)
    // Other streams work while this one waits for its scores: only its own share counts.
    this.#runtimeUs += runtimeUs
    this.#totalUs += runtimeUs
    const start = performance.now()
    this.#weights.apply(senones, frames)
    for (let row = 0; row < frames.rows; row++) {
      // The frames that a sketch leaves out are taken to sound like the one before.
      const at = row * this.#senoneCount
      if (this.#isSketch) for (let turn = 0; turn < frames.every; turn++) this.#search.step(senones, at)
      else {
        const second = this.#second
        if (second === null) this.#search.step(senones, at)
        else this.#search.step(senones, at, (history, first) => second.hear(senones, at, history, first))
        this.#free.step(senones, at)
      }
    }
    this.#spent(start)
  }

  #spent(sinceMs: number): void {
    this.#totalUs += (performance.now() - sinceMs) * 1_000
  }

  /**
   * Whether enough speech came since all was last decoded for the channel to be known much better. Done on the way and not
   * at the end, so that nobody waits for it, and at fixed amounts of speech, so that the answer is the same however busy.
   */
  #channelIsBetterKnown(): boolean {
    const { againFrames, settleAtFrames } = this.#tuning
    if (this.#isSketch) return !this.#isMore() || this.#track.count >= againFrames
    const isDue = this.#settledAt < settleAtFrames && this.#known() >= settleAtFrames
    return isDue && this.#track.count <= againFrames
  }

  /** Decodes what was decoded so far once more, by the channel as it is known now. */
  async #again(): Promise<void> {
    const mean = this.#settle()
    const start = performance.now()
    this.#isSketch = false
    this.#search.restart(this.#beams)
    this.#second?.restart()
    this.#free.restart()
    this.#spent(start)
    const count = this.#decoded
    for (let from = this.#from; from < count; from += AGAIN_BLOCK)
      await this.#run({ from, every: 1, rows: Math.min(AGAIN_BLOCK, count - from) }, mean)
  }

  /** The channel by all that was heard, and the cepstra by it. */
  #settle(): Float64Array {
    const start = performance.now()
    const { mean, cepstra } = this.#channel.settle()
    if (cepstra !== undefined) this.#track.replaceLast(cepstra)
    this.#settledAt = this.#known()
    this.#spent(start)
    return mean
  }

  #tellPartial(): void {
    if (this.#decoded - this.#partialAt < PARTIAL_EVERY_FRAMES || !this.#heardSpeech()) return
    this.#partialAt = this.#decoded
    const { words: running, stable } = this.#running()
    const found = running.flatMap((word) => wordAt(this.#net, word) ?? [])
    const words = found.map(({ text: word }) => word)
    const text = words.join(' ')
    if (text === this.#lastPartial && stable === this.#stable) return
    this.#lastPartial = text
    this.#stable = stable
    this.#partials++
    const openWords = found.filter(({ open }) => open).length
    this.#events.onPartial({
      text,
      words,
      stableWords: stable,
      openWords,
      audioMs: this.#decoded * FRAME_MS,
    })
  }

  /** What is said so far, as indices into the network's words, and how many of the first of them every path has. */
  #running(): { readonly words: readonly number[]; readonly stable: number } {
    const { spans } = this.#search.running()
    const mayChange = this.#mayDecodeAgain()
    if (this.#second !== null) {
      const { words, stable } = this.#second.running(spans)
      return { words, stable: mayChange ? 0 : stable }
    }
    const stable = mayChange ? 0 : stableWords(this.#search.history, this.#search.live()).length
    return { words: spans.map(({ word }) => word), stable }
  }

  /** What may be decoded once more is not stable yet. */
  #mayDecodeAgain(): boolean {
    const count = this.#track.count
    if (count <= SHORT_FRAMES) return true
    const { againFrames, settleAtFrames } = this.#tuning
    return this.#isSketch || (count <= againFrames && this.#settledAt < settleAtFrames)
  }

  #tellEndpoint(heardFrames: number): void {
    if (this.#endpointTold) return
    const rule = endpointRule(
      {
        heardMs: heardFrames * FRAME_MS,
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
    if (!this.#heardSpeech()) return NOTHING_HEARD
    this.#second?.finish()
    const concluded = conclude(this.#second?.search ?? this.#search, {
      free: this.#free,
      net: this.#net,
      voiced: this.#voice.voiced,
      changes: this.#changes,
      isDictation: this.#second !== null,
      startFrame: this.#from,
    })
    const sinceMs = this.#from * FRAME_MS
    const words = concluded.words.map((word) => ({
      ...word,
      startMs: sinceMs + word.startMs,
      endMs: sinceMs + word.endMs,
    }))
    const kind =
      concluded.kind === 'heard' && !isSaidSo(words, this.#voice.voiced) ? 'rejected' : concluded.kind
    return { ...concluded, kind, words }
  }
}
