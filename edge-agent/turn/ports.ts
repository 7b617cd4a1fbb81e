/** What a turn needs of the rest of the device; the composition root supplies the real parts. */
import type { Sha256Hex } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { ModelTraits, Performer } from '../../shared/kernel/contract.ts'
import type { KnownVoice } from '../speech/known-voice.ts'
import type { GuideState } from '../guide/guide.ts'
import type { WishBefore } from '../intent/amend.ts'
import type { Alternative } from '../intent/understanding.ts'
import type { Wish } from '../intent/wish.ts'
import type { OpenQuestion } from './decide.ts'

/** A model that has passed its golden vectors. */
export interface ModelFacts {
  readonly name: string
  readonly digest: Sha256Hex
  readonly provider: string
}

/** A model as the kernel's routes and policies know it. */
export interface RoutedModel extends ModelFacts {
  readonly traits: ModelTraits
}

/** Audio as it arrives: mono samples, -1 to 1. */
export interface AudioSource {
  readonly kind: 'microphone' | 'wav'
  readonly sampleRateHz: number
  readonly warnings: readonly string[]
  readonly blocks: AsyncIterable<Float32Array>
  /** Present for a recorded call: its two ends, each by itself. */
  readonly channels?: readonly Float32Array[]
}

export type TimedWord = {
  readonly word: string
  readonly startMs: number
  readonly endMs: number
  readonly confidence: number
}

/** What one end of a call said at a time; from the start of the recording. */
export type HeardUtterance = {
  readonly kind: 'heard' | 'rejected'
  readonly text: string
  readonly confidence: number
  readonly startMs: number
  readonly endMs: number
  readonly words: readonly TimedWord[]
}

export type HeardChannel = {
  readonly channel: number
  readonly text: string
  readonly utterances: readonly HeardUtterance[]
}

export type Heard = {
  readonly kind: 'heard' | 'nothing' | 'rejected'
  readonly text: string
  readonly confidence: number
  /** Other texts that it may have been, likeliest first. */
  readonly alternatives: readonly Alternative[]
  readonly audioMs: number
  /** From the last block to the hypothesis. */
  readonly finishMs: number
  readonly runtimeMs: number
  /** Where the model gives times. */
  readonly words?: readonly TimedWord[]
  /** Present for a recorded call. */
  readonly channels?: readonly HeardChannel[]
}

export interface ListenOptions {
  onPartial(text: string): void
  /** Told when the speaker seems to have finished; then blocks are asked for one by one, each when the one before is decoded. */
  onEndpoint?(): void
  /** Whose voice it is, when ears hear it more than once. */
  readonly voice?: KnownVoice
  readonly signal: AbortSignal
}

export interface Ears {
  readonly model: RoutedModel
  /** Recognises one utterance; `onPartial` gets the text so far. Stops early when `signal` aborts. */
  listen(audio: AudioSource, options: ListenOptions): Promise<Heard>
}

export type Meaning = Wish & {
  /** What is wished after it, in order. */
  readonly further: readonly Wish[]
  /** True when it changes the wish before. */
  readonly amends: boolean
  /** The text that was understood: another than was heard first, when only that could be read. */
  readonly text: string
  readonly runtimeMs: number
}

/** What a mind is asked to understand. */
export type Utterance = {
  readonly text: string
  readonly confidence: number
  readonly alternatives: readonly Alternative[]
  readonly before: WishBefore | null
  /** The digest of the context pack that it was understood with; null for none. */
  readonly context: Sha256Hex | null
}

export interface Mind {
  readonly model: RoutedModel
  /** How an intent is said back: "close work order". */
  phraseOf(intent: string): string
  /** How sure the domain wants to be of an intent; null leaves it to the policy. */
  thresholdsOf(intent: string): { readonly act: number | null; readonly ask: number | null }
  understand(utterance: Utterance): Promise<Meaning>
}

/** A wish that was carried out, for a speaker who takes it back at once. */
export type WishDone = {
  readonly intent: string
  readonly slots: JsonObject
  /** True when `undo` takes back this and nothing else. */
  readonly undoable: boolean
}

/** What the device remembers from one turn to the next; stored, so that it outlives a loss of power. */
export type TurnMemory = {
  readonly open: OpenQuestion | null
  /** The last that was done, in the turn before. */
  readonly last: WishDone | null
  readonly guide: GuideState
  /** The work order in hand; null for none. */
  readonly workOrder: string | null
}

/** One field action: the performer, and the words for what came of it. */
export interface FieldAction {
  readonly performer: Performer<JsonObject, Json>
  readonly resource: { readonly type: string; readonly id: string }
  say(output: Json): string
}
