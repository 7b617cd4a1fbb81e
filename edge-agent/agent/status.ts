/** What the agent says of itself, gathered from its parts. */
import type { Clock } from '../../shared/clock.ts'
import { reportError } from '../../shared/errors.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import { expiryNotice } from '../../shared/policy/expiry.ts'
import { isPast } from '../../shared/policy/policy.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { countWrites, findProcedure, findRow, listWorkOrders } from '../context/reads.ts'
import type { HeldPolicy } from '../identity/held-policy.ts'
import type { Identity } from '../identity/identity.ts'
import type { AgentStatus } from '../local-api/status.ts'
import { recall } from '../memory/turn-memory.ts'
import type { ModelFacts } from '../turn/ports.ts'
import type { CentreClock } from '../update/centre-clock.ts'
import { RootsMissing } from '../update/roots.ts'

/** The page shows this many; the rest is a `work_order.list` away. */
const SHOWN_ORDERS = 8

export interface StatusParts {
  readonly identity: Identity
  readonly sql: Queryable
  readonly journal: Journal
  readonly policy: HeldPolicy
  readonly clock: Clock
  readonly centreClock: CentreClock
  link(): AgentStatus['link']
  outbox(): { readonly receiptedSeq: number; readonly problem: { readonly message: string } | null }
  /** Whether the device knows whose releases to believe. */
  hasRoots(): Promise<boolean>
  models(): readonly ModelFacts[]
  installs(): Promise<AgentStatus['installs']>
  syncedAt(): string | null
  database(): Promise<AgentStatus['database']>
}

export async function agentStatus(parts: StatusParts): Promise<AgentStatus> {
  const { identity, sql, journal, policy, clock } = parts
  const { document } = policy.current()
  const { receiptedSeq, problem } = parts.outbox()
  const clockOff = parts.centreClock.problem()
  return {
    device: identity.device,
    site: identity.site,
    environment: identity.environment,
    link: parts.link(),
    outbox: {
      pending: (await journal.unshipped()).count,
      receipted: receiptedSeq,
      lastError: problem?.message ?? null,
    },
    policy: {
      version: document.version,
      strict: isPast(document, clock.nowMs()),
      expiresAt: document.expiresAt,
      notice: expiryNotice(document, clock.nowMs()),
    },
    clock: {
      aheadMs: parts.centreClock.aheadMs(),
      problem: clockOff === null ? null : reportError(clockOff),
    },
    bundles: { problem: (await parts.hasRoots()) ? null : reportError(new RootsMissing()) },
    models: parts.models().map(({ name, digest }) => ({ name, digest })),
    installs: await parts.installs(),
    contextSyncedAt: parts.syncedAt(),
    database: await parts.database(),
    writes: await countWrites(sql),
    guide: await guideOf(sql),
    workOrders: await openOrders(sql),
  }
}

async function guideOf(sql: Queryable): Promise<AgentStatus['guide']> {
  const { guide } = await recall(sql)
  if (guide.kind !== 'guiding') return null
  const procedure = await findProcedure(sql, guide.procedureId)
  const step = procedure?.steps[guide.index]
  if (procedure === null || step === undefined) return null
  const { number, text, evidence } = step
  return { title: procedure.title, number, of: procedure.steps.length, text, evidence }
}

async function openOrders(sql: Queryable): Promise<AgentStatus['workOrders']> {
  const orders = (await listWorkOrders(sql)).slice(0, SHOWN_ORDERS)
  return await Promise.all(
    orders.map(async ({ number, title, assetId }) => {
      const asset = assetId === null ? null : await findRow(sql, 'asset', assetId)
      return { number, title, asset: asset?.name ?? '' }
    }),
  )
}
