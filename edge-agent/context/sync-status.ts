/** How the copy stands, as people and programs are told. */
import type { ContextTable } from '../../shared/context/tables.ts'

export interface TableStatus {
  readonly table: ContextTable
  readonly state: string
  readonly handle: string | null
  readonly offset: string | null
  /** Operations that wait for other tables. */
  readonly pending: number
  readonly refetches: number
  readonly bytes: number
}

export interface SyncStatus {
  /** The centre's transaction that all tables show; null before the first. */
  readonly lsn: string | null
  /** Transactions of the centre that are known of and not shown yet. */
  readonly lag: number
  /** When the copy was last known to be complete; null for never. */
  readonly syncedAt: string | null
  /** How long ago that was; null for never. */
  readonly stalenessMs: number | null
  /** Why the centre serves this version of the program nothing; null while it does. */
  readonly refusal: string | null
  readonly tables: readonly TableStatus[]
}
