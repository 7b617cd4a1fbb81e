/** What the classifier's two threads say to each other. */
import type { SparseFeatures } from './features.ts'
import type { ErrorReport } from '../../shared/errors.ts'

export interface ToClassifier {
  readonly id: number
  readonly features: SparseFeatures
}

export type FromClassifier =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unusable'; readonly error: ErrorReport }
  | {
      readonly kind: 'answer'
      readonly id: number
      readonly probabilities: Float32Array
      readonly runtimeMs: number
    }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorReport }
