/** What every effect of this device stands on: database, journal, policy, kernel; opened in order, closed in reverse. */
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { StarlingError } from '../../shared/errors.ts'
import { openJournal, type Journal } from '../../shared/journal/journal.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import { createKernel } from '../../shared/kernel/kernel.ts'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { openHeldPolicy, type HeldPolicy } from '../identity/held-policy.ts'
import type { Identity } from '../identity/identity.ts'
import { migrate } from './migrations.ts'

export interface Ledger {
  readonly db: Database
  readonly journal: Journal
  readonly policy: HeldPolicy
  readonly kernel: Kernel
  close(): Promise<void>
}

export const DATABASE_FOLDER = 'database'

export async function openLedger(options: {
  readonly folder: string
  readonly identity: Identity
  readonly clock: Clock
  readonly metrics: Metrics
  readonly signal: AbortSignal
  /** The database is lost to this process: it must end, and start again. */
  onFatal(error: StarlingError): void
}): Promise<Ledger> {
  const { folder, identity, clock, metrics, signal } = options
  const policy = openHeldPolicy(folder, identity)
  const db = await openDatabase({
    dir: join(folder, DATABASE_FOLDER),
    clock,
    signal,
    onFatal: (error) => options.onFatal(error),
  })
  try {
    await migrate(db)
    const journal = await openJournal({ db, origin: identity.device, key: identity.keyPair, clock })
    const kernel = await createKernel({ db, journal, policy: () => policy.current(), clock, metrics })
    return { db, journal, policy, kernel, close: async () => await db.close() }
  } catch (thrown) {
    await db.close()
    throw thrown
  }
}
