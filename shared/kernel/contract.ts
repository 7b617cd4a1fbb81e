/**
 * What the kernel promises, as types. One path for every effect, on the device and in the centre:
 *
 *     identify -> classify and redact -> decide policy -> spend budget -> route -> record intent -> perform
 *       -> check output -> meter -> record outcome
 *
 * A performer takes an `Admitted<I>`, which only the kernel can make (`admitted.ts`), and redeems it on its first line.
 */
import type { GenericSchema } from 'valibot'
import type { Json, JsonObject } from '../json.ts'
import type { DeviceId, RecordId, Sha256Hex, TurnId } from '../ids.ts'
import type { Transaction } from '../sql/port.ts'
import type { Admitted } from './admitted.ts'

/** From least to most sensitive. */
export const DATA_CLASSES = ['public', 'internal', 'personal', 'restricted'] as const
export type DataClass = (typeof DATA_CLASSES)[number]

export const ENVIRONMENTS = ['development', 'production'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** Who asks. `roles` are what policy rules name. */
export interface Principal {
  readonly kind: 'person' | 'device' | 'process'
  readonly id: string
  readonly roles: readonly string[]
}

/** On what. `type` is the noun that policies name: `work_order`, `part`, `model`, `bundle`, `device`, `policy`, `context`, `memory`, `inbox`. */
export interface Resource {
  readonly type: string
  readonly id: string
}

/** What a registry knows of a model, and a policy may select on. */
export interface ModelTraits {
  /** `acoustic`, `ctc`, `transducer`, `vad`, `intent`, `embedding`. */
  readonly class: string
  /** An SPDX expression; NOASSERTION when nobody said. */
  readonly licence: string
  /** Where its weights lie and run. */
  readonly residency: 'device' | 'centre'
  /** How it came there: with a signed release, by somebody who had its files, or as the address of a runtime. */
  readonly source: 'released' | 'imported' | 'declared'
}

/** Who performs: declared, never guessed (capability G12). */
export interface Route {
  readonly provider: string
  /** Model or component name with its version. */
  readonly model: string
  readonly digest: Sha256Hex | null
  readonly region: 'device' | 'centre'
  /** Why this provider was taken. */
  readonly reason: string
  /** Only where a model performs. */
  readonly traits?: ModelTraits
}

/** One wish for an effect. */
export interface EffectRequest<I extends Json = Json> {
  readonly principal: Principal
  /** Verb on a noun, as policies name it: `work_order.close`, `model.transcribe`, `bundle.activate`. */
  readonly action: string
  readonly resource: Resource
  readonly dataClass: DataClass
  readonly input: I
  /** 0 to 1 where a model's judgement led here; null where a person or a program asked outright. */
  readonly confidence: number | null
  readonly turn: TurnId | null
  /** Units of `effects` budget that this spends; 1 where nothing else is said. */
  readonly cost: number
}

/**
 * A performer: the only code that carries out one kind of effect. `transactional` performers write through `tx`, so that
 * their rows, the outcome record and its outbox entry commit together; `external` ones act on something else, and a crash
 * between intent and outcome leaves a dangling intent, which `resolve` settles at the next start.
 */
export type Performer<I extends Json, O extends Json> = TransactionalPerformer<I, O> | ExternalPerformer<I, O>

interface PerformerFacts<I extends Json> {
  readonly action: string
  /**
   * The contract of its input, and a published one (`shared/contracts`). The kernel holds every input against it before anything is
   * performed: one that does not keep it goes no further than the journal, and is counted.
   */
  readonly accepts: GenericSchema
  /** Who will do it, said before it is done. */
  route(request: EffectRequest<I>): Route
}

export interface TransactionalPerformer<I extends Json, O extends Json> extends PerformerFacts<I> {
  readonly kind: 'transactional'
  perform(admitted: Admitted<I>, tx: Transaction): Promise<O>
  /** Throws when the output breaks its contract: the transaction is rolled back and the outcome is `failed`. */
  check(output: O): void
}

export interface ExternalPerformer<I extends Json, O extends Json> extends PerformerFacts<I> {
  readonly kind: 'external'
  perform(admitted: Admitted<I>, signal: AbortSignal): Promise<O>
  check(output: O): void
  /** Says after a crash whether the effect of a dangling intent took place. */
  resolve(intent: DanglingIntent): Promise<Resolution>
}

export interface DanglingIntent {
  readonly recordId: RecordId
  readonly action: string
  readonly resource: Resource
  readonly input: JsonObject | null
}

export type Resolution = 'took_place' | 'did_not_take_place' | 'unknown'

/** What every answer names, whatever its verdict. */
export interface Provenance {
  readonly recordId: RecordId
  readonly device: DeviceId
  readonly policyVersion: number
  readonly policyDigest: Sha256Hex
  /** The rule that decided, or why none did. */
  readonly rule: string
  readonly route: Route
  readonly confidence: number | null
  readonly durationUs: number
}

export type Answer<O> =
  | { readonly kind: 'performed'; readonly output: O; readonly provenance: Provenance }
  | { readonly kind: 'denied'; readonly reason: string; readonly provenance: Provenance }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly remedy: string
      readonly provenance: Provenance
    }

export interface Kernel {
  /** The one way to an effect. Never throws for a denial or a performer's failure; throws only when no record could be made durable. */
  admit<I extends Json, O extends Json>(
    performer: Performer<I, O>,
    request: EffectRequest<I>,
  ): Promise<Answer<O>>
}
