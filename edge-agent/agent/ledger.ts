/** What every effect of this device stands on: database, journal, policy, kernel; opened in order, closed in reverse. */
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import type { StarlingError } from '../../shared/errors.ts'
import { openJournal, type Journal } from '../../shared/journal/journal.ts'
import { JournalFile } from '../../shared/journal/journal-file.ts'
import { journalFault } from '../../shared/journal/lay-back.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import { createKernel } from '../../shared/kernel/kernel.ts'
import type { Log } from '../../shared/log.ts'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import { DATABASE_FOLDER, JOURNAL_FOLDER } from '../home.ts'
import { openHeldPolicy, type HeldPolicy } from '../identity/held-policy.ts'
import type { Identity } from '../identity/identity.ts'
import { migrate } from './migrations.ts'
import { bringBack, tellRecovery } from './recovered.ts'

export interface Ledger {
  readonly db: Database
  readonly journal: Journal
  readonly policy: HeldPolicy
  readonly kernel: Kernel
  close(): Promise<void>
}

export async function openLedger(options: {
  readonly folder: string
  readonly identity: Pick<Identity, 'device' | 'keyPair' | 'policyKeys' | 'environment'>
  readonly clock: Clock
  readonly metrics: Metrics
  readonly signal: AbortSignal
  readonly log: Log
  /** The database is lost to this process: it must end, and start again. */
  onFatal(error: StarlingError): void
}): Promise<Ledger> {
  const { folder, identity, clock, metrics, signal } = options
  const policy = openHeldPolicy(folder, identity)
  const dir = join(folder, DATABASE_FOLDER)
  const file = await JournalFile.open(join(folder, JOURNAL_FOLDER))
  const owner = {
    wasHere: file.head.seq > 0,
    fault: async (sql: Queryable) => await journalFault(file, sql),
  }
  const db = await openDatabase({
    dir,
    clock,
    signal,
    owner,
    onFatal: (error) => options.onFatal(error),
  })
  try {
    await migrate(db)
    const recovered = await bringBack(db, file)
    const journal = await openJournal({ db, origin: identity.device, key: identity.keyPair, clock, file })
    const kernel = await createKernel({ db, journal, policy: () => policy.current(), clock, metrics })
    const principal: Principal = { kind: 'device', id: identity.device, roles: ['device'] }
    if (recovered !== null) await tellRecovery(recovered, { dir, kernel, principal, log: options.log })
    const close = async (): Promise<void> => {
      await db.close()
      await file.close()
    }
    return { db, journal, policy, kernel, close }
  } catch (thrown) {
    await db.close()
    await file.close()
    throw thrown
  }
}
