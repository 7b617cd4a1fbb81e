/** What the neural recogniser's two threads say to each other, and what it says of audio. */
import type { ErrorReport } from '../../shared/errors.ts'
import type { NeuralWord } from './emission.ts'

export interface NeuralSetup {
  readonly modelDir: string
}

export interface NeuralFacts {
  readonly name: string
  /** SHA-256 over the model folder's files. */
  readonly digest: string
  readonly provider: string
  /** Of fixed noise, what a few of the model's output values are on this machine: its golden vector. */
  readonly probe: readonly number[]
}

export interface NeuralHypothesis {
  readonly kind: 'heard' | 'nothing'
  readonly text: string
  readonly words: readonly NeuralWord[]
  /** 0 to 1: its least sure word's, not calibrated. */
  readonly confidence: number
  readonly tokens: readonly { readonly symbol: string; readonly atMs: number }[]
  readonly audioMs: number
  /** How long this stream's share of its steps took: net and search. */
  readonly runtimeUs: number
}

export type ToNeural =
  | {
      readonly kind: 'open'
      readonly stream: number
      readonly sampleRate: number
      /** Whether anyone wants the text so far. */
      readonly partials: boolean
    }
  | { readonly kind: 'push'; readonly stream: number; readonly samples: Float32Array }
  | { readonly kind: 'finish'; readonly stream: number }
  | { readonly kind: 'abort'; readonly stream: number }

export type FromNeural =
  | { readonly kind: 'ready'; readonly facts: NeuralFacts }
  | { readonly kind: 'unusable'; readonly error: ErrorReport }
  | { readonly kind: 'partial'; readonly stream: number; readonly text: string }
  /** So many samples of those that were pushed are decoded. */
  | { readonly kind: 'drained'; readonly stream: number; readonly samples: number }
  | { readonly kind: 'final'; readonly stream: number; readonly hypothesis: NeuralHypothesis }
  | { readonly kind: 'stream-failed'; readonly stream: number; readonly error: ErrorReport }
