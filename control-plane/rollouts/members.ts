/** What a campaign hears of devices: who is in the fleet and where, and what their reports mean to it. */
import type { CampaignEvent, DeviceReport, Health } from '../../rollout/campaign/events.ts'
import { wantsOf } from '../../rollout/campaign/grant.ts'
import type { CampaignState } from '../../rollout/campaign/state.ts'
import type { HealthReport, ReportedBundle, ReportedState } from '../../shared/wire/state.ts'

/** A device as the fleet's list has it. */
export interface Member {
  readonly device: string
  readonly site: string
  readonly reported: ReportedState | null
}

/** Of a device that never said what it is made of. */
const UNKNOWN_HARDWARE = 'unknown'

/** That it is in the fleet, where that is new or otherwise than before. */
export function joinedEvent(state: CampaignState, { device, site, reported }: Member): CampaignEvent | null {
  const facts = state.devices.get(device)?.facts ?? null
  const { hardware = UNKNOWN_HARDWARE, utcOffsetMinutes = 0 } = reported?.device ?? {}
  if (facts?.site === site && facts.hardware === hardware && facts.utcOffsetMinutes === utcOffsetMinutes)
    return null
  return { kind: 'joined', device, sequence: (facts?.sequence ?? 0) + 1, site, hardware, utcOffsetMinutes }
}

/** What its report means to this campaign. */
export function reportedEvent(state: CampaignState, device: string, said: ReportedState): DeviceReport {
  const { candidate } = state.plan
  const standing = state.devices.get(device)
  const bundle = said.bundles.find(({ name }) => name === candidate.name)
  const health = (said.health ?? []).filter(({ name }) => name === candidate.name)
  const generation = generationIn(state, bundle?.offer)
  const runs = health.find(
    ({ envelopeSha256, offer }) => envelopeSha256 === candidate.envelopeSha256 && (offer ?? 0) === generation,
  )
  return {
    kind: 'reported',
    device,
    sequence: Math.max(
      said.sequence ?? 0,
      (standing?.report?.sequence ?? 0) + (said.sequence === undefined ? 1 : 0),
    ),
    generation,
    stands: standsBy(bundle, candidate.envelopeSha256),
    code: bundle?.code ?? null,
    usual: total(health.filter(({ envelopeSha256 }) => envelopeSha256 !== candidate.envelopeSha256)),
    candidate: runs !== undefined && hasRun(runs, bundle) ? countsOf(runs) : null,
    shadow: runs?.shadow ?? null,
  }
}

/** True where what a device says now is worth an event: it is under observation, at risk, about to be, on its way back, or was never heard. */
export function isAwaited(state: CampaignState, device: string): boolean {
  const standing = state.devices.get(device)
  if (standing === undefined || standing.report === null) return true
  const { watch, risk, grant } = standing
  if (risk === 'at_risk' || (watch !== null && !watch.judged)) return true
  const goesBack = state.direction.runs === 'last_good' && grant !== null && risk !== 'returned'
  return goesBack || wantsOf(state, standing) !== null
}

/** A number that is none of this campaign's generations is an operator's choice: the device follows no campaign. */
function generationIn({ plan, direction }: CampaignState, offer: number | undefined): number {
  const isOurs = offer !== undefined && offer > plan.baseGeneration && offer <= direction.generation
  return isOurs ? offer : plan.baseGeneration
}

function standsBy(bundle: ReportedBundle | undefined, candidate: string): DeviceReport['stands'] {
  if (bundle === undefined) return 'last_good'
  const { state, message, envelopeSha256 } = bundle
  if (envelopeSha256 !== candidate) return state === 'committed' ? 'last_good' : 'installing'
  // The step that it is in is told in words: from CONFIRM on, the candidate answers.
  if (state === 'installing' || state === 'deferred')
    return message === 'CONFIRM' ? 'active' : state === 'deferred' ? 'deferred' : 'installing'
  return state
}

/** What only ran beside the present version was never activated. */
function hasRun(
  { upMs, turns, shadow, envelopeSha256 }: HealthReport,
  bundle: ReportedBundle | undefined,
): boolean {
  if (shadow === undefined || upMs > 0 || turns > 0) return true
  const stands = standsBy(bundle, envelopeSha256)
  return stands === 'active' || stands === 'committed'
}

function total(parts: readonly HealthReport[]): Health {
  const sum = (of: (part: HealthReport) => number): number => parts.reduce((all, part) => all + of(part), 0)
  return {
    upMs: sum(({ upMs }) => upMs),
    crashes: sum(({ crashes }) => crashes),
    interventions: sum(({ interventions }) => interventions),
    turns: sum(({ turns }) => turns),
    latencyMsSum: sum(({ latencyMsSum }) => latencyMsSum),
    confidenceSum: sum(({ confidenceSum }) => confidenceSum),
  }
}

function countsOf(part: HealthReport): Health {
  return total([part])
}
