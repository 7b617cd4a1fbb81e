/** A domain: what people may want, how they say it, what each wish needs. One form, whichever file format it was read from. */
import type { TemplateNode } from './template.ts'

/** What a slot may hold; the names that come from the device's context are added when the grammar is compiled. */
export type SlotSpec =
  | {
      readonly type: 'digits'
      readonly from?: 'work_orders'
      /** How many digits there may be, both ends included. */
      readonly length?: { readonly from: number; readonly to: number }
    }
  | { readonly type: 'number'; readonly range?: NumberRange }
  | { readonly type: 'count'; readonly range?: NumberRange }
  | { readonly type: 'text' }
  /** A day, a time of day, or both. */
  | { readonly type: 'datetime' }
  | {
      readonly type: 'list'
      readonly from?: 'assets' | 'parts'
      /** Value -> other ways of saying it; the value itself is one. */
      readonly values: Readonly<Record<string, readonly string[]>>
    }

/** Both ends included. */
export interface NumberRange {
  readonly from: number
  readonly to: number
}

/** How sure the device must be of an intent; null leaves it to the policy. The stricter of both counts. */
export interface IntentThresholds {
  readonly act: number | null
  readonly ask: number | null
}

export interface DomainIntent {
  readonly name: string
  /** True when it changes something: then doubt asks back. */
  readonly effectful: boolean
  /** True when people wish it by asking: "what is next". Otherwise a question about it is no wish. */
  readonly mayBeAsked: boolean
  /** How the device says it back. */
  readonly phrase: string
  readonly required: readonly string[]
  readonly thresholds: IntentThresholds
  readonly templates: readonly TemplateNode[]
}

export interface Domain {
  readonly name: string
  /** Three numbers, as bundles have them. */
  readonly version: string
  /** True when "please" and the like may stand before and after a wish. */
  readonly polite: boolean
  readonly slots: Readonly<Record<string, SlotSpec>>
  readonly phrases: Readonly<Record<string, TemplateNode>>
  readonly intents: readonly DomainIntent[]
  /** Word -> each of its pronunciations, as phones of the CMU dictionary. */
  readonly pronunciations: Readonly<Record<string, readonly string[]>>
}
