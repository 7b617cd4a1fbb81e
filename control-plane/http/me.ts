/** Who is signed in, and what the policy in force lets them do: by this a screen knows which actions to offer. */
import * as v from 'valibot'
import { evaluatePolicy } from '../../shared/policy/policy.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

/** What the screens offer, and on what. */
const ACTIONS = {
  'rollout.create': 'rollout',
  'rollout.approve': 'rollout',
  'rollout.promote': 'rollout',
  'rollout.pause': 'rollout',
  'rollout.resume': 'rollout',
  'rollout.halt': 'rollout',
  'rollout.cancel': 'rollout',
  'release.approve': 'bundle',
  'alias.set': 'alias',
  'context.settle': 'context',
} as const
type Action = keyof typeof ACTIONS

const NAMES = Object.keys(ACTIONS) as Action[]

export function meEndpoint(rollout: RolloutParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/me',
      tag: 'people',
      summary: 'Whose token this is, and which actions the policy in force permits to them.',
      answer: v.object({
        id: v.string(),
        roles: v.array(v.string()),
        environment: v.picklist(['development', 'production']),
        may: v.record(v.picklist(NAMES), v.boolean()),
      }),
      refusals: [],
    },
    async ({ principal }) =>
      await Promise.resolve({
        id: principal.id,
        roles: [...principal.roles],
        environment: rollout.environment,
        may: permitted(rollout, principal),
      }),
  )
}

/** A word for the screen alone: whatever is asked for is decided by the kernel. */
function permitted(rollout: RolloutParts, principal: Principal): Record<Action, boolean> {
  const may = (action: Action): boolean =>
    evaluatePolicy(
      rollout.policy().document,
      {
        principal,
        action,
        resource: { type: ACTIONS[action], id: '*' },
        dataClass: 'internal',
        input: {},
        confidence: null,
        turn: null,
        cost: 1,
      },
      { region: 'centre' },
      rollout.clock.nowMs(),
    ).verdict === 'permit'
  return Object.fromEntries(NAMES.map((action) => [action, may(action)])) as Record<Action, boolean>
}
