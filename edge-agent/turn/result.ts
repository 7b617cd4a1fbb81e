/**
 * The result of one turn, as the local API, the command line and the technician's page show it. Every effect that the turn
 * caused is in `effects`, with the provenance that the kernel gave it.
 */
import type { TurnId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Provenance } from '../../shared/kernel/contract.ts'
import type { ContextPack } from './context-pack.ts'

export interface TurnResult {
  readonly turn: TurnId
  readonly transcript: {
    readonly kind: 'heard' | 'nothing' | 'rejected'
    readonly text: string
    readonly confidence: number
    readonly warnings: readonly string[]
  }
  readonly understood: {
    readonly intent: string
    readonly confidence: number
    readonly slots: JsonObject
    readonly route: 'grammar' | 'classifier'
  } | null
  /** What the turn was given to be understood with: its digest stands in the records of the model call. Null where there was none. */
  readonly context: Pick<ContextPack, 'digest' | 'sizeBytes' | 'items'> | null
  /** Each wish that was come to, in order: several when several were said, none when nothing was understood. */
  readonly wishes: readonly WishAnswered[]
  /** Of the whole turn: that of the last wish that was come to, with all that is to be said. */
  readonly outcome: TurnOutcome
  readonly effects: readonly EffectTrace[]
  readonly timings: {
    readonly audioMs: number
    /** From the last sample to the outcome's durable record. */
    readonly endToOutcomeMs: number
    /** Time inside ONNX Runtime alone. */
    readonly runtimeMs: number
  }
}

export interface WishAnswered {
  readonly intent: string
  readonly confidence: number
  readonly slots: JsonObject
  readonly outcome: TurnOutcome
}

/** `say` is what the page shows and what a speaker would read aloud. */
export type TurnOutcome =
  | { readonly kind: 'done'; readonly say: string; readonly output: Json }
  | { readonly kind: 'question'; readonly say: string; readonly intent: string }
  | { readonly kind: 'inbox'; readonly say: string; readonly itemId: string; readonly reason: string }
  | { readonly kind: 'nothing'; readonly say: string }
  | { readonly kind: 'denied'; readonly say: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly say: string; readonly code: string; readonly remedy: string }

export interface EffectTrace {
  readonly action: string
  readonly verdict: 'performed' | 'denied' | 'failed'
  readonly provenance: Provenance
}
