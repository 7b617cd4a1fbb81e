/** What would end a hold: for each gate that the open ring waits for, how much more it has to see, and whether that can still come. */
import { observationsNeeded } from '../gates/outlook.ts'
import { own } from '../gates/own.ts'
import { openRingOf } from './grant.ts'
import { isEligible } from './fleet.ts'
import { gatesOf, HOUR_MS } from './plan.ts'
import { dwellOf } from './ring.ts'
import type { CampaignState, RingRecord } from './state.ts'

export interface Awaited {
  readonly gate: string
  /** What is counted: devices judged without a fault, or windows of the shadow without a disagreement for the worse. */
  readonly of: 'devices' | 'shadow_windows'
  /** Null: more than anybody would wait for. */
  readonly needed: number | null
  /** So many can still come of the open ring by themselves. */
  readonly toCome: number
  readonly text: string
}

export interface Outlook {
  /** Of the time for which the ring is watched at least, and of a device's probation. */
  readonly dwellLeftHours: number
  readonly probationHours: number
  readonly awaits: readonly Awaited[]
  /** False where only a person can end the hold. */
  readonly endsByItself: boolean
  readonly text: string
}

/** Null while no ring is open. Costs a walk over the fleet and thousands of looks at each gate: for `explain`, not for ticks. */
export function outlookOf(state: CampaignState): Outlook | null {
  const open = openRingOf(state)
  if (open?.outcome !== 'open') return null
  const { plan, clock } = state
  const leftMs = Math.max(0, dwellOf(state, open) - (clock.campaignMs - open.openedMs))
  const awaits = open.baking === undefined ? awaitedBy(state, open) : bakeAwaits(state, open)
  const endsByItself = awaits.every(({ needed, toCome }) => needed !== null && needed <= toCome)
  const dwellLeftHours = hours(leftMs)
  const probationHours = hours(plan.probationMs)
  return {
    dwellLeftHours,
    probationHours,
    awaits,
    endsByItself,
    text: said({ awaits, endsByItself, dwellLeftHours, plan }),
  }
}

function said({
  awaits,
  endsByItself,
  dwellLeftHours,
  plan,
}: Pick<Outlook, 'awaits' | 'endsByItself' | 'dwellLeftHours'> & Pick<CampaignState, 'plan'>): string {
  const dwell =
    dwellLeftHours > 0 ? `it is watched for ${dwellLeftHours} h more at least` : 'its time is over'
  if (awaits.length === 0) return `nothing is missing; ${dwell}`
  if (endsByItself) return `what is missing can still come; ${dwell}`
  return `what is missing will not all come by itself: more devices would bring it, or a person other than ${plan.author} may sign that the ring passes: starling rollout promote ${plan.campaign} --key FILE --reason TEXT`
}

function awaitedBy(state: CampaignState, { verdict, planned }: RingRecord): readonly Awaited[] {
  const { plan, evidence } = state
  const { windowInputs } = plan.shadow
  const waiting = (verdict?.evidence ?? []).filter((one) => one.needed && one.decision !== 'PROMOTE')
  return waiting.flatMap(({ gate: name, arms }): readonly Awaited[] => {
    const gate = gatesOf(plan, state.ring).find((one) => one.name === name)
    const ledger = own(evidence.ledger(), name)
    if (gate === undefined || ledger === undefined) return []
    const needed = observationsNeeded(gate, ledger, windowInputs)
    const isShadow = gate.test.kind === 'shadow'
    const toCome = isShadow ? windowsToCome(state) : Math.max(0, planned.treated - arms.treated.judged)
    const what = isShadow
      ? `windows of ${windowInputs} inputs without a surplus of worse ones`
      : 'devices without a fault'
    const more = needed === null ? 'more than can be waited for' : `${needed} more ${what}`
    return [
      {
        gate: name,
        of: isShadow ? 'shadow_windows' : 'devices',
        needed,
        toCome,
        text: `${name} needs ${more}; ${toCome} can still come of this ring`,
      },
    ]
  })
}

function bakeAwaits({ plan }: CampaignState, { verdict, planned }: RingRecord): readonly Awaited[] {
  if (verdict?.decision !== 'HOLD') return []
  const text = `one device that ran it through a probation of ${hours(plan.probationMs)} h in the bake`
  return [{ gate: 'any', of: 'devices', needed: 1, toCome: planned.treated, text }]
}

/** Devices that are still to run their shadow, or run it now, by what is left of it. */
function windowsToCome(state: CampaignState): number {
  const { plan, direction } = state
  const cut = state.rings.at(-1)?.cut ?? 0
  let inputs = 0
  for (const standing of state.devices.values()) {
    if (!isEligible(state, standing) || standing.unit >= cut) continue
    const { grant, report, watch } = standing
    if (grant?.generation !== direction.generation) inputs += plan.shadow.inputs
    else if (watch?.enteredMs === null && report?.stands !== 'parked')
      inputs += Math.max(0, grant.shadowInputs - watch.shadow.inputs)
  }
  return Math.floor(inputs / plan.shadow.windowInputs)
}

function hours(ms: number): number {
  return Math.ceil((ms / HOUR_MS) * 10) / 10
}
