/**
 * What a device's newest report means: whether it is still at risk, and what the gates are to be told of it. Both follow from
 * the report alone, whose counts only grow, so lost, late and repeated reports lead to the same.
 */
import { changeScore } from '../gates/spec.ts'
import type { Told } from './fact-log.ts'
import type { DeviceReport, Health, ShadowCount } from './events.ts'
import type { CampaignPlan } from './plan.ts'
import type { CampaignState, Grant, Risk, Standing, Watch } from './state.ts'

/**
 * R1: at risk from the grant until its probation is over, or it is back on what it ran: by itself once its tries are used up,
 * or by a newer statement. A device that was refused tries again. Follows from grant and newest report alone (R9).
 */
export function riskOf(
  { probationMs }: CampaignPlan,
  grant: Grant | null,
  report: DeviceReport | null,
): Risk {
  if (grant === null) return 'none'
  if (report === null || report.generation < grant.generation) return 'at_risk'
  if (report.stands === 'parked') return 'returned'
  if (report.stands === 'last_good' && report.generation > grant.generation) return 'returned'
  if (report.candidate === null || report.candidate.upMs < probationMs) return 'at_risk'
  return report.candidate.crashes > 0 ? 'failed' : 'proven'
}

export interface Observed {
  readonly watch: Watch
  readonly told: readonly Told[]
}

const NOTHING: Health = { upMs: 0, crashes: 0, interventions: 0, turns: 0, latencyMsSum: 0, confidenceSum: 0 }
const INSTALL = ['install'] as const
const SHADOW = ['shadow'] as const
/** The gates over devices that run; `install` is over those that begin. */
const RUNNING = ['crash', 'intervention', 'latency', 'confidence'] as const
const EACH_RUNNING = RUNNING.map((gate) => [gate, [gate]] as const)

/** What is to be told of one device under observation at `nowMs`; null while there is nothing new. */
export function observeDevice(state: CampaignState, standing: Standing, nowMs: number): Observed | null {
  const { facts } = standing
  const watch = carriedOver(state, standing.watch)
  if (watch === null || watch.judged || facts === null) return null
  const report = reportOf(standing, watch)
  const sequence = standing.report?.sequence ?? -1
  const { device } = standing
  const { arm } = watch
  const { site } = facts
  const told: Told[] = []
  const next = copyOf(watch)
  const shadow = shadowIn(report, watch, state.plan)
  if (shadow !== null) {
    told.push({ gates: SHADOW, fact: { kind: 'shadowed', device, site, atMs: nowMs, ...shadow.window } })
    next.shadow = shadow.counted
  }
  if (sequence > next.heard.sequence) next.heard = { sequence, atMs: nowMs }
  if (!next.begun) {
    next.begun = true
    if (next.isNew && !next.installJudged)
      told.push({ gates: INSTALL, fact: { kind: 'entered', arm, device, site, atMs: nowMs } })
  }
  if (watch.isNew && !next.installJudged) {
    const value = installValue(report, nowMs >= next.heard.atMs + state.plan.silenceMs)
    if (value !== undefined) {
      told.push({ gates: INSTALL, fact: { kind: 'judged', arm, device, site, atMs: nowMs, value } })
      next.installJudged = true
      next.judged = value !== 0 && report?.candidate == null
    }
  }
  const counted = countedIn(report, watch)
  if (!next.judged && next.enteredMs === null && counted !== null) {
    next.enteredMs = nowMs
    next.from ??= NOTHING
    told.push({ gates: RUNNING, fact: { kind: 'entered', arm, device, site, atMs: nowMs } })
  }
  if (!next.judged && next.enteredMs !== null) {
    const values = outcomeOf(state, { standing, watch: next, counted, nowMs })
    if (values !== null) {
      for (const [gate, gates] of EACH_RUNNING)
        told.push({ gates, fact: { kind: 'judged', arm, device, site, atMs: nowMs, value: values[gate] } })
      next.judged = true
    }
  }
  // Whatever else is new of it is told.
  const isNews = told.length > 0 || next.heard !== watch.heard || next.begun !== watch.begun
  return isNews || watch !== standing.watch ? { watch: next, told } : null
}

/** To be moved field by field: copies of it for each would cost more than all that is decided here. */
function copyOf({
  round,
  arm,
  isNew,
  sinceMs,
  begun,
  enteredMs,
  from,
  installJudged,
  judged,
  heard,
  shadow,
}: Watch): { -readonly [K in keyof Watch]-?: Watch[K] } {
  return { round, arm, isNew, sinceMs, begun, enteredMs, from, installJudged, judged, heard, shadow }
}

/**
 * What of a watch counts in the open ring. A device that was still installing when its ring passed goes on in the next one. One
 * that ran already is observed anew, for a whole probation, when it asks: what it survived before is no evidence of this ring.
 */
export function carriedOver({ rings }: Pick<CampaignState, 'rings'>, watch: Watch | null): Watch | null {
  const round = rings.length - 1
  if (watch === null || watch.judged || watch.round === round) return watch
  return watch.isNew && watch.enteredMs === null ? { ...watch, round, begun: false } : null
}

/** What the device counts by the version that is watched, as of now. */
export function snapshotOf({ report }: Standing, runs: 'candidate' | 'usual'): Health {
  return report?.[runs] ?? NOTHING
}

/** Only what was reported by the grant that is watched says anything of it; a control follows no grant. */
function reportOf({ report, grant }: Standing, { arm }: Watch): DeviceReport | null {
  if (report === null) return null
  return arm === 'control' || report.generation === grant?.generation ? report : null
}

function countedIn(report: DeviceReport | null, { arm }: Watch): Health | null {
  return report === null ? null : arm === 'control' ? report.usual : report.candidate
}

/** The window that its shadow has seen since the gates were last told; null while that is none. */
function shadowIn(
  report: DeviceReport | null,
  { isNew, shadow: before }: Watch,
  { shadow: planned }: CampaignPlan,
): { readonly counted: ShadowCount; readonly window: ShadowCount } | null {
  const counted = report?.shadow ?? null
  if (!isNew || counted === null) return null
  const inputs = counted.inputs - before.inputs
  const worse = counted.worse - before.worse
  const better = counted.better - before.better
  if (inputs < planned.windowInputs || worse < 0 || better < 0 || worse + better > inputs) return null
  return { counted, window: { inputs, worse, better } }
}

/** 0: installed. 1: not, and back. Null: nobody knows. Undefined: it is not over yet. */
function installValue(report: DeviceReport | null, isSilent: boolean): number | null | undefined {
  if (report?.candidate != null) return 0
  if (report?.stands === 'parked') return 1
  return isSilent ? null : undefined
}

type Values = Readonly<Record<(typeof RUNNING)[number], number | null>>

interface Case {
  readonly standing: Standing
  readonly watch: Watch
  readonly counted: Health | null
  readonly nowMs: number
}

/** The end of a device's observation: at once when it failed, else after its probation; silence beyond that is a failure. */
function outcomeOf({ plan }: CampaignState, { standing, watch, counted, nowMs }: Case): Values | null {
  const from = watch.from ?? NOTHING
  const now = counted === null ? null : since(from, counted)
  const gaveUp = watch.arm === 'treated' && ['refused', 'parked'].includes(standing.report?.stands ?? '')
  const isFailed = now !== null && (now.crashes > 0 || (gaveUp && watch.isNew))
  const isOver = now !== null && now.upMs >= plan.probationMs
  if (!isFailed && !isOver) {
    const isSilent = nowMs >= watch.heard.atMs + plan.probationMs + plan.silenceMs
    return isSilent ? { crash: 1, intervention: null, latency: null, confidence: null } : null
  }
  // Against its own past: before the candidate for who got it now, before this ring for everybody else.
  const before = means(watch.isNew ? snapshotOf(standing, 'usual') : from)
  const after = means(now)
  const score = (past: number, present: number, scale: number): number | null =>
    before === null || after === null ? null : changeScore(past, present, scale)
  return {
    crash: isFailed ? 1 : 0,
    intervention: now.interventions > 0 ? 1 : 0,
    latency: score(before?.latencyMs ?? 0, after?.latencyMs ?? 0, plan.scales.latencyMs),
    confidence: score(-(before?.confidence ?? 0), -(after?.confidence ?? 0), plan.scales.confidence),
  }
}

function since(from: Health, now: Health): Health {
  return {
    upMs: now.upMs - from.upMs,
    crashes: now.crashes - from.crashes,
    interventions: now.interventions - from.interventions,
    turns: now.turns - from.turns,
    latencyMsSum: now.latencyMsSum - from.latencyMsSum,
    confidenceSum: now.confidenceSum - from.confidenceSum,
  }
}

function means({ turns, latencyMsSum, confidenceSum }: Health): {
  readonly latencyMs: number
  readonly confidence: number
} | null {
  return turns <= 0 ? null : { latencyMs: latencyMsSum / turns, confidence: confidenceSum / turns }
}
