/** What a device shall run by this campaign, and what the campaign needs of the centre for it. */
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { isEligible } from './fleet.ts'
import type { CampaignPlan } from './plan.ts'
import { itemsOf, type CampaignState } from './state.ts'

export type Assignment =
  | {
      readonly kind: 'run'
      readonly runs: 'candidate' | 'last_good'
      readonly bundle: DesiredBundle
      /** Never falls for one device (R5): what is signed for it carries this number, and a device takes no smaller one. */
      readonly generation: number
      /** On how many inputs the candidate runs beside what runs, before it is activated. */
      readonly shadowInputs: number
    }
  /** It goes back, and nothing is signed for that yet: it keeps what it has and begins nothing. */
  | { readonly kind: 'await_statement'; readonly generation: number }
  | { readonly kind: 'none'; readonly reason: 'unknown_device' | 'left' | 'superseded' }

export function assignmentFor(state: CampaignState, device: string): Assignment {
  const { plan, phase, direction, lastGoodGeneration } = state
  const standing = state.devices.get(device)
  if (phase === 'superseded') return { kind: 'none', reason: 'superseded' }
  if (standing === undefined) return { kind: 'none', reason: 'unknown_device' }
  if (standing.left) return { kind: 'none', reason: 'left' }
  const { grant } = standing
  if (grant === null || !isEligible(state, standing)) return backTo(plan, lastGoodGeneration)
  if (direction.runs === 'last_good')
    return direction.statement === null
      ? { kind: 'await_statement', generation: direction.generation }
      : backTo(plan, direction.generation)
  if (grant.generation !== direction.generation) return backTo(plan, lastGoodGeneration)
  return {
    kind: 'run',
    runs: 'candidate',
    bundle: plan.candidate,
    generation: direction.generation,
    shadowInputs: grant.shadowInputs,
  }
}

function backTo({ lastGood }: CampaignPlan, generation: number): Assignment {
  return { kind: 'run', runs: 'last_good', bundle: lastGood, generation, shadowInputs: 0 }
}

/** The statement that the director has to sign before the fleet follows a new direction; null when none is awaited. */
export interface StatementNeed {
  readonly campaign: string
  readonly planDigest: string
  readonly generation: number
  readonly runs: 'candidate' | 'last_good'
  readonly bundle: DesiredBundle
}

/** Asked after every event: the conductor has it signed and answers with `stated`. */
export function statementNeeded({ plan, planDigest, direction }: CampaignState): StatementNeed | null {
  if (direction.statement !== null) return null
  const { generation, runs } = direction
  return {
    campaign: plan.campaign,
    planDigest,
    generation,
    runs,
    bundle: runs === 'candidate' ? plan.candidate : plan.lastGood,
  }
}

/** Devices that the last tick gave the candidate: the centre tells them to ask again. */
export function servedBy({ agenda }: CampaignState): readonly string[] {
  return itemsOf(agenda.served)
}
