/** What every effect at the centre stands on: tables, policy, journal, kernel; and what the last stop left open, settled. */
import type { Clock } from '../shared/clock.ts'
import { openJournal, type Journal } from '../shared/journal/journal.ts'
import type { Environment, Kernel } from '../shared/kernel/contract.ts'
import { createKernel } from '../shared/kernel/kernel.ts'
import { recoverIntents } from '../shared/kernel/recover.ts'
import type { Log } from '../shared/log.ts'
import { openMetrics, type Metrics } from '../shared/metrics/metrics.ts'
import type { Database } from '../shared/sql/port.ts'
import { CENTRE_SCHEMA } from './centre-schema.ts'
import { OPS_SCHEMA } from './context/schema.ts'
import { INGEST_SCHEMA } from './ingest/schema.ts'
import type { CentreKeys } from './keys.ts'
import { openCentrePolicy, type CentrePolicy } from './policy.ts'
import { DELTA_SCHEMA } from './release/delta-store.ts'
import { REPOSITORY_SCHEMA } from './release/repositories/store.ts'

/** The origin of the centre's own journal. */
export const CENTRE_ORIGIN = 'centre'

export interface Governance {
  readonly journal: Journal
  readonly kernel: Kernel
  readonly metrics: Metrics
  readonly policy: CentrePolicy
}

export async function openGovernance(parts: {
  readonly db: Database
  readonly keys: CentreKeys
  readonly environment: Environment
  readonly clock: Clock
  readonly log: Log
}): Promise<Governance> {
  const { db, keys, environment, clock, log } = parts
  for (const schema of [OPS_SCHEMA, INGEST_SCHEMA, CENTRE_SCHEMA, REPOSITORY_SCHEMA, DELTA_SCHEMA])
    await db.script(schema)
  const policy = await openCentrePolicy({ db, key: keys.policy, environment, clock })
  const journal = await openJournal({ db, origin: CENTRE_ORIGIN, key: keys.journal, clock })
  const metrics = openMetrics()
  const kernel = await createKernel({ db, journal, policy: () => policy.current(), clock, metrics })
  // Every performer of the centre is transactional: what a crash left open did not take place.
  const settled = await recoverIntents({ journal, external: [], isTransactional: () => true })
  for (const { recordId, action } of settled)
    log.warn(`${action} was cut short by the last stop and did not take place`, { record: recordId })
  return { journal, kernel, metrics, policy }
}
