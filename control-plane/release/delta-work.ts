import type { ErrorReport } from '../../shared/errors.ts'

/** Both files, as they are shared with the thread that makes a delta. */
export interface DeltaWork {
  readonly base: Uint8Array
  readonly target: Uint8Array
}

export type FromDeltaWorker =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly error: ErrorReport }
