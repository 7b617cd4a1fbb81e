/**
 * The centre of a simulation: the production reducer, and around it what the conductor does. It keeps events in their order,
 * ticks, has statements signed, and tells devices to ask when there is something for them.
 */
import { sha256Hex } from '../../shared/digest.ts'
import { statementNeeded } from '../campaign/assignment.ts'
import type { CampaignEvent } from '../campaign/events.ts'
import { reduce } from '../campaign/reduce.ts'
import { openCampaign, type CampaignState } from '../campaign/state.ts'
import type { CampaignPlan } from '../campaign/plan.ts'

export const TICK_MS = 15 * 60_000
const DIRECTOR_KEY = sha256Hex('the director of the simulation')
const APPROVER_KEY = sha256Hex('the approver of the simulation')

export class SimulatedCentre {
  state: CampaignState
  /** Events that changed something. */
  kept = 0
  #ticks = 0

  constructor(plan: CampaignPlan, atMs: number) {
    this.state = openCampaign(plan, atMs)
  }

  take(event: CampaignEvent): void {
    const after = reduce(this.state, event)
    if (after === this.state) return
    this.state = after
    this.kept += 1
    const need = statementNeeded(after)
    if (need === null) return
    const statement = sha256Hex(`${need.planDigest} ${need.generation} ${need.runs}`)
    this.take({ kind: 'stated', generation: need.generation, statement, keyId: DIRECTOR_KEY })
  }

  approve(atMs: number): void {
    const { planDigest } = this.state
    this.take({ kind: 'approved', id: 'approval', atMs, by: 'approver', keyId: APPROVER_KEY, planDigest })
  }

  /** `clockMs`: what the centre's clock says, which may be anything. */
  tick(clockMs: number): void {
    this.#ticks += 1
    this.take({ kind: 'ticked', sequence: this.#ticks, atMs: Math.round(clockMs) })
  }
}
