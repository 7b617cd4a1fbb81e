/** One stream seen from the caller's thread: samples are queued and counted here, heard in the recogniser's thread. */
import type { StarlingError } from '../../shared/errors.ts'
import type { BiasList } from './bias.ts'
import type { EndpointRule, EndpointRules } from './endpointing.ts'
import { RecogniserBusy, RecogniserGone } from './errors.ts'
import type { Hypothesis, Partial } from './hypothesis.ts'
import type { KnownVoice } from './known-voice.ts'
import type { FromRecogniser, StreamMessage } from './messages.ts'
import { asFloat, type Samples } from './samples.ts'

/** Audio handed over but not yet decoded, a stream: beyond it `push` refuses, so that memory stays bounded. */
export const MAX_QUEUED_S = 60
/** `push` resolves once less than this is waiting. */
const CALM_QUEUE_S = 1
/** One message carries at most this much, so that streams take turns. */
const SLICE_S = 0.5

export interface StreamOptions {
  readonly sampleRate: number
  /** Not told while the recogniser is behind: the final always is. */
  readonly onPartial?: (partial: Partial) => void
  /** Told once, when the speaker seems to have finished, and by which rule. */
  readonly onEndpoint?: (rule: EndpointRule) => void
  /** Others than `ENDPOINT_RULES`. */
  readonly endpointing?: EndpointRules
  /** Phrases that are likelier in this call; words that the grammar cannot hear have no effect. */
  readonly bias?: BiasList
  /** Folder of an imported voice activity model, to be heeded besides the recogniser's own ears. */
  readonly voiceModel?: string
  /** Whose voice it is, when it is heard more than once: what was learnt of it is used, and what is learnt now left in it. */
  readonly voice?: KnownVoice
}

export interface SpeechStream {
  /** Takes mono samples in order. Resolves when the queue is short again; rejects with RecogniserBusy when it is too long. */
  push(samples: Samples): Promise<void>
  /** Resolves once everything pushed so far is decoded. */
  drained(): Promise<void>
  /** No more audio: gives the result. */
  finish(): Promise<Hypothesis>
  /** Forgets the stream. */
  abort(): void
}

type Send = (message: StreamMessage, transfer?: readonly ArrayBuffer[]) => void
export type ForStream = Extract<FromRecogniser, { kind: 'partial' | 'endpoint' | 'taken' | 'final' }>

interface Waiting<T> {
  resolve(value: T): void
  reject(reason: unknown): void
}

export class ThreadStream implements SpeechStream {
  readonly #id: number
  readonly #options: StreamOptions
  readonly #send: Send
  readonly #release: () => void
  #queued = 0
  #calm: (Waiting<void> & { below: number })[] = []
  #final: Waiting<Hypothesis> | undefined
  #failure: StarlingError | undefined

  constructor(id: number, options: StreamOptions, send: Send, release: () => void) {
    this.#id = id
    this.#options = options
    this.#send = send
    this.#release = release
  }

  async push(samples: Samples): Promise<void> {
    const slice = Math.ceil(this.#options.sampleRate * SLICE_S)
    for (let from = 0; from < samples.length; from += slice) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#queued > this.#options.sampleRate * MAX_QUEUED_S) throw tooFast()
      const part = asFloat(samples.subarray(from, from + slice))
      this.#queued += part.length
      this.#send({ kind: 'push', stream: this.#id, samples: part, sentMs: nowMs() }, [part.buffer])
      await this.#waitBelow(this.#options.sampleRate * CALM_QUEUE_S)
    }
  }

  drained(): Promise<void> {
    return this.#waitBelow(0)
  }

  finish(): Promise<Hypothesis> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#final = { resolve, reject }
      this.#send({ kind: 'finish', stream: this.#id, sentMs: nowMs() })
    })
  }

  abort(): void {
    this.#send({ kind: 'abort', stream: this.#id })
    this.fail(new RecogniserGone('the stream was aborted', { remedy: 'Open another stream.' }))
  }

  take(message: ForStream): void {
    if (message.kind === 'partial') this.#options.onPartial?.(message.partial)
    else if (message.kind === 'endpoint') this.#options.onEndpoint?.(message.rule)
    else if (message.kind === 'taken') this.#taken(message.samples)
    else {
      this.#learn(message)
      this.#final?.resolve(message.hypothesis)
      this.fail(new RecogniserGone('the stream is finished', { remedy: 'Open another stream.' }))
    }
  }

  fail(reason: StarlingError): void {
    this.#failure ??= reason
    this.#release()
    for (const waiting of this.#calm.splice(0)) waiting.reject(reason)
    this.#final?.reject(reason)
  }

  /** Of what was no speech nothing is to be learnt. */
  #learn({ hypothesis, voice }: Extract<ForStream, { kind: 'final' }>): void {
    const { sampleRate } = this.#options
    if (voice !== null && hypothesis.kind === 'heard')
      this.#options.voice?.learn({ sampleRate, values: voice })
  }

  async #waitBelow(below: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#queued <= below) return
    await new Promise<void>((resolve, reject) => this.#calm.push({ resolve, reject, below }))
  }

  #taken(samples: number): void {
    this.#queued -= samples
    const ready = this.#calm.filter((waiting) => this.#queued <= waiting.below)
    this.#calm = this.#calm.filter((waiting) => this.#queued > waiting.below)
    for (const waiting of ready) waiting.resolve()
  }
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

function tooFast(): RecogniserBusy {
  return new RecogniserBusy(`more than ${MAX_QUEUED_S} s of audio wait to be decoded`, {
    remedy: 'Await each push, or send audio no faster than it is spoken.',
  })
}
