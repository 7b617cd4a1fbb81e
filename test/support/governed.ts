/** A real kernel over a real database, for tests of what stands on it. */
import { createKernel } from '../../shared/kernel/kernel.ts'
import type { EffectRequest, Environment, Kernel } from '../../shared/kernel/contract.ts'
import { openJournal, type Journal, type JournalParts } from '../../shared/journal/journal.ts'
import type { Json } from '../../shared/json.ts'
import { openMetrics, type Metrics } from '../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import type { PolicyDocument } from '../../shared/policy/policy.ts'
import { openPolicy, signPolicy, type SignedPolicy } from '../../shared/policy/signed-policy.ts'
import { generateKeyPair, type KeyPair } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { dataFolder } from './data-folder.ts'
import { handClock, type HandClock } from './hand-clock.ts'

export interface Governed {
  readonly db: Database
  readonly journal: Journal
  readonly kernel: Kernel
  readonly key: KeyPair
  readonly clock: HandClock
  readonly metrics: Metrics
  readonly folder: string
  /** What is in force. */
  policy(): SignedPolicy
  /** Puts another policy in force. */
  follow(change: Partial<PolicyDocument>): void
  close(): Promise<void>
}

export async function governed(
  options: Partial<Pick<JournalParts, 'maxOutboxRecords' | 'origin'>> & {
    performWithinMs?: number
    environment?: Environment
    /** Who signs policies, where that is to be somebody in particular. */
    policyKey?: (folder: string) => KeyPair
    /** In the place of an embedded one of its own. */
    database?: () => Promise<Database>
  } = {},
): Promise<Governed> {
  const folder = await dataFolder('governed')
  const db = await (options.database?.() ?? openDatabase({ dir: folder.path }))
  const clock = handClock()
  const key = generateKeyPair()
  const signer = options.policyKey?.(folder.path) ?? generateKeyPair()
  const metrics = openMetrics()
  const { maxOutboxRecords, performWithinMs, origin = 'device-1', environment = 'development' } = options
  let policy: SignedPolicy
  const follow = (change: Partial<PolicyDocument>): void => {
    const document = {
      ...fieldServicePolicy({ environment, version: 1, nowMs: clock.nowMs() }),
      ...change,
    }
    policy = openPolicy(signPolicy(document, [signer]), {
      keys: [signer.publicKey],
      environment,
      held: null,
    })
  }
  follow({})
  const journal = await openJournal({
    db,
    origin,
    key,
    clock,
    ...(maxOutboxRecords === undefined ? {} : { maxOutboxRecords }),
  })
  const kernel = await createKernel({
    db,
    journal,
    policy: () => policy,
    clock,
    metrics,
    ...(performWithinMs === undefined ? {} : { performWithinMs }),
  })
  return {
    db,
    journal,
    kernel,
    key,
    clock,
    metrics,
    folder: folder.path,
    policy: () => policy,
    follow,
    close: async () => {
      await db.close()
      await folder.remove()
    },
  }
}

/** A technician's request, to be changed where the test needs it. */
export function technicianAsks<I extends Json>(
  action: string,
  input: I,
  change: Partial<EffectRequest<I>> = {},
): EffectRequest<I> {
  return {
    principal: { kind: 'person', id: 'amara', roles: ['technician'] },
    action,
    resource: { type: action.split('.')[0] ?? action, id: 'one' },
    dataClass: 'internal',
    input,
    confidence: null,
    turn: null,
    cost: 1,
    ...change,
  }
}
