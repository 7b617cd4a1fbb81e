/** What the recogniser's two threads say to each other. */
import type { ErrorReport } from '../../shared/errors.ts'
import type { WordGraph } from '../grammar/word-graph.ts'
import type { BiasList } from './bias.ts'
import type { EndpointRule, EndpointRules } from './endpointing.ts'
import type { Hypothesis, Partial } from './hypothesis.ts'
import type { ExtraPronunciations } from './lexicon.ts'
import type { SearchNetwork } from './search-network.ts'
import type { Strain } from './strain.ts'
import type { Tuning } from './tuning.ts'

export interface RecogniserSetup {
  readonly modelDir: string
}

export interface ModelFacts {
  readonly name: string
  /** SHA-256 over the model folder's files. */
  readonly digest: string
  readonly provider: string
}

export interface GrammarSource {
  readonly graph: WordGraph
  readonly pronunciations: ExtraPronunciations
  /** Words that open arcs may stand for besides the usual ones. */
  readonly openVocabulary: readonly string[]
  /** The usual ones are the whole lexicon, not only what the language model knows. */
  readonly dictation: boolean
  /** Sentences may stand inside other speech. */
  readonly background: boolean
  readonly tuning: Tuning
  /** Spell unknown words by letter-to-sound rules instead of refusing them. */
  readonly guess: boolean
}

export interface GrammarWork {
  readonly modelDir: string
  readonly grammar: GrammarSource
}

export type FromGrammarWorker =
  | { readonly kind: 'compiled'; readonly net: SearchNetwork }
  | { readonly kind: 'refused'; readonly error: ErrorReport }

/** Milliseconds since the epoch at which it was sent, by the monotonic clock that both threads share. */
interface Sent {
  readonly sentMs: number
}

export type StreamMessage =
  | {
      readonly kind: 'open'
      readonly stream: number
      readonly grammar: string
      readonly sampleRate: number
      readonly endpointing: EndpointRules
      readonly bias: BiasList | null
      /** Folder of an imported model that tells when somebody speaks. */
      readonly voiceModel: string | null
      /** Speech of the same voice over the same line (see `known-voice.ts`); null where none is known. */
      readonly voice: Float32Array | null
      /** Whether what is learnt of the voice is asked for. */
      readonly learnsVoice: boolean
    }
  | (Sent & { readonly kind: 'push'; readonly stream: number; readonly samples: Float32Array })
  | (Sent & { readonly kind: 'finish'; readonly stream: number })
  | { readonly kind: 'abort'; readonly stream: number }

export type ToRecogniser =
  | StreamMessage
  | {
      readonly kind: 'load'
      readonly id: number
      readonly name: string
      readonly net: SearchNetwork
      readonly tuning: Tuning
      /** It was compiled with the language model of dictation. */
      readonly dictation: boolean
    }
  | { readonly kind: 'drop'; readonly name: string }
  | { readonly kind: 'usage'; readonly id: number }

export type FromRecogniser =
  | { readonly kind: 'ready'; readonly facts: ModelFacts }
  | { readonly kind: 'unusable'; readonly error: ErrorReport }
  | { readonly kind: 'loaded'; readonly id: number }
  | { readonly kind: 'used'; readonly id: number; readonly processorMs: number }
  | { readonly kind: 'strain'; readonly strain: Strain }
  | { readonly kind: 'partial'; readonly stream: number; readonly partial: Partial }
  | { readonly kind: 'endpoint'; readonly stream: number; readonly rule: EndpointRule }
  | { readonly kind: 'taken'; readonly stream: number; readonly samples: number }
  | {
      readonly kind: 'final'
      readonly stream: number
      readonly hypothesis: Hypothesis
      /** What was learnt of the voice, when that was asked for. */
      readonly voice: Float32Array | null
    }
  | { readonly kind: 'stream-failed'; readonly stream: number; readonly error: ErrorReport }
