/** What passes between the owner of a database and its worker thread. Both sides are built together, so nothing is versioned. */
import type { Outcome, SqlFault } from './errors.ts'
import type { SqlValue } from './port.ts'

/** How a statement stands to transactions; the worker checks it, because a stray BEGIN would swallow the commits after it. */
export type Scope = 'alone' | 'begin' | 'within' | 'end'

export type Work =
  | {
      readonly kind: 'query'
      readonly scope: Scope
      readonly text: string
      readonly params: readonly SqlValue[]
    }
  | { readonly kind: 'script'; readonly scope: Scope; readonly text: string }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'close' }

export interface Request {
  readonly id: number
  readonly work: Work
}

export type Reply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'open-failed'; readonly reason: string; readonly diskFull: boolean }
  /** `bytes` is PostgreSQL's answer as it came, transferred and not copied. */
  | { readonly kind: 'done'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly id: number; readonly refusal: Refusal }
  /** The engine is gone: the statement `id` and all that were sent after it have failed. */
  | { readonly kind: 'died'; readonly id: number; readonly reason: string; readonly diskFull: boolean }

export type Refusal =
  | { readonly kind: 'fault'; readonly fault: SqlFault }
  | { readonly kind: 'disk-full'; readonly outcome: Outcome }
  | { readonly kind: 'too-large'; readonly sizeBytes: number; readonly limitBytes: number }

export interface WorkerInput {
  /** PostgreSQL's data folder, which exists. */
  readonly dataDir: string
  readonly meters: SharedArrayBuffer
}
