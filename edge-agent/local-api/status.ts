/** What the agent says of itself, to the page and to `starling status`. */
import type { ErrorReport } from '../../shared/errors.ts'
import type { ExpiryNotice } from '../../shared/policy/expiry.ts'
import type { ReportedBundle } from '../../shared/wire/state.ts'

export interface AgentStatus {
  readonly device: string
  readonly site: string
  readonly environment: string
  readonly link: 'up' | 'down' | 'standalone'
  readonly outbox: { readonly pending: number; readonly receipted: number; readonly lastError: string | null }
  readonly policy: {
    readonly version: number
    readonly strict: boolean
    readonly expiresAt: string
    /** From days before it expires on. */
    readonly notice: ExpiryNotice | null
  }
  /** Against the centre's; `problem` when it is off by more than policies tolerate. */
  readonly clock: { readonly aheadMs: number | null; readonly problem: ErrorReport | null }
  /** Why it installs nothing whatever it is offered; null where nothing stands in the way. */
  readonly bundles: { readonly problem: ErrorReport | null }
  readonly models: readonly { readonly name: string; readonly digest: string }[]
  /** Where the installation of each bundle stands, and what it moved. */
  readonly installs: readonly ReportedBundle[]
  readonly database: {
    /** The last time that it did not open as usual; null for never. */
    readonly recovery: {
      readonly rung: string
      readonly reason: string
      readonly at: string
      readonly snapshotAt: string | null
    } | null
    /** Of the newest snapshot; null for none yet. */
    readonly snapshotAt: string | null
    readonly snapshotBytes: number
    /** Why acknowledged records stand in the database alone. */
    readonly journalFileProblem: string | null
  }
  readonly contextSyncedAt: string | null
  /** Changes of data made here: on their way up, in conflict with others', not taken by the centre. */
  readonly writes: { readonly pending: number; readonly conflicts: number; readonly rejected: number }
  readonly guide: {
    readonly title: string
    readonly number: number
    readonly of: number
    readonly text: string
    readonly evidence: { readonly quantity: string; readonly unit: string } | null
  } | null
  readonly workOrders: readonly { readonly number: string; readonly title: string; readonly asset: string }[]
}
