/** The policy over the API: what is in force, its change, and how many devices follow it by now. */
import * as v from 'valibot'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import { ReportedPolicySchema } from '../../shared/wire/state.ts'
import { expiryNotice } from '../../shared/policy/expiry.ts'
import { PolicySchema } from '../../shared/policy/policy.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { CentrePolicy } from '../policy.ts'
import { PolicyChangeSchema, publishPolicyPerformer } from '../policy-change.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

export interface PolicyApiParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly policies: CentrePolicy
  readonly rollout: RolloutParts
  /** Tells every device to look again. */
  desiredMoved(): Promise<void>
}

/** Of devices that do not follow the policy yet: enough to begin with. */
const SHOWN = 100

export function policyEndpoints(parts: PolicyApiParts): readonly Endpoint[] {
  return [showEndpoint(parts), publishEndpoint(parts), statusEndpoint(parts)]
}

const Version = v.pipe(v.number(), v.integer(), v.minValue(1))
const Whole = v.pipe(v.number(), v.integer(), v.minValue(0))

function showEndpoint({ policies }: PolicyApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/policy',
      tag: 'policy',
      summary: 'The policy in force, as it was signed.',
      answer: v.object({ version: Version, digest: v.string(), policy: PolicySchema }),
      refusals: [],
    },
    async () => {
      const { document, digest } = policies.current()
      return await Promise.resolve({ version: document.version, digest, policy: document })
    },
  )
}

function publishEndpoint(parts: PolicyApiParts): Endpoint {
  return endpoint(
    {
      method: 'put',
      path: '/policy',
      tag: 'policy',
      summary:
        'Signs the next version of the policy, puts it in force and tells every device, where the policy in force allows it.',
      body: PolicyChangeSchema,
      answer: v.object({ version: Version, digest: v.string(), approvers: v.array(v.string()) }),
      refusals: [403, 404, 409, 422],
    },
    async ({ body, principal }) => {
      const published = await doneAt(parts.kernel)(publishPolicyPerformer(parts.rollout), {
        resource: { type: 'policy', id: body.document.name },
        input: body as unknown as JsonObject,
        principal,
      })
      await parts.policies.refresh()
      await parts.desiredMoved()
      return { ...published, approvers: [...published.approvers] }
    },
  )
}

const Waiting = v.object({
  device: v.string(),
  /** What it said last; null where it said nothing of a policy. */
  said: v.nullable(ReportedPolicySchema),
  seenAt: v.nullable(v.string()),
})

const Notice = v.object({
  code: v.picklist(['policy_near_expiry', 'policy_expired']),
  daysLeft: Whole,
  message: v.string(),
  remedy: v.string(),
})

function statusEndpoint({ db, policies, rollout }: PolicyApiParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/policy/status',
      tag: 'policy',
      summary: 'How many devices said that they follow the policy in force, and what the others follow.',
      answer: v.object({
        version: Version,
        digest: v.string(),
        expiresAt: v.string(),
        /** Days before it lapses, and from then on. */
        notice: v.nullable(Notice),
        /** Enrolled and not revoked. */
        devices: Whole,
        /** Of these, with exactly this policy in force. */
        following: Whole,
        refusing: Whole,
        /** The first of those that do not follow it, by name. */
        waiting: v.array(Waiting),
      }),
      refusals: [],
    },
    async () => {
      const { document, digest } = policies.current()
      const [sums] = await db.query<{ devices: number; following: number; refusing: number }>(
        `${SAID} select count(*) as devices, count(*) filter (where ${FOLLOWS}) as following,
           count(*) filter (where said->>'refused' is not null) as refusing from said`,
        [digest],
      )
      const waiting = await db.query<{ device: string; said: Json; seenAt: string | null }>(
        `${SAID} select * from said where not ${FOLLOWS} order by device limit $2`,
        [digest, SHOWN],
      )
      return {
        version: document.version,
        digest,
        expiresAt: document.expiresAt,
        notice: expiryNotice(document, rollout.clock.nowMs()),
        ...(sums ?? { devices: 0, following: 0, refusing: 0 }),
        waiting: waiting.map(({ said, ...row }) => {
          const parsed = v.safeParse(ReportedPolicySchema, said)
          return { ...row, said: parsed.success ? parsed.output : null }
        }),
      }
    },
  )
}

const SAID = `with said as (
  select id as device, reported->'policy' as said, seen_at as "seenAt" from centre.device where revoked_at is null
)`
const FOLLOWS = `coalesce(said->>'digest' = $1, false)`
