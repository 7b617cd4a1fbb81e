/** What the embedding model's two threads say to each other. */
import type { ErrorReport } from '../../shared/errors.ts'

export interface EmbeddingWorkerInput {
  readonly model: string
  readonly vocabulary: string
}

export interface ToEmbedder {
  readonly id: number
  readonly texts: readonly string[]
}

export type FromEmbedder =
  | { readonly kind: 'ready'; readonly dimension: number }
  | { readonly kind: 'unusable'; readonly error: ErrorReport }
  /** One text's vector after the other, each of length 1. */
  | { readonly kind: 'answer'; readonly id: number; readonly values: Float32Array }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorReport }
