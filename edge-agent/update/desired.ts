/** Brings the device to what the centre wants of it: policy first, then bundles one after another, then says what came of it. */
import type { Clock } from '../../shared/clock.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { decodeJson, type Ask } from '../../shared/wire/answer.ts'
import {
  DesiredStateSchema,
  ReportAnswerSchema,
  type DesiredBundle,
  type HeldResults,
  type ReportedBundle,
  type ReportedPolicy,
} from '../../shared/wire/state.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import type { HeldPolicy } from '../identity/held-policy.ts'
import { TufUnreachable } from '../tuf/repository-source.ts'
import type { Agreement, Judge } from './agreement.ts'
import type { CentreClock } from './centre-clock.ts'
import type { Health, Running } from './health.ts'
import type { Installer, InstallOutcome } from './installer.ts'
import { RootsMissing } from './roots.ts'
import type { Shadowed } from './shadow-totals.ts'

export interface DesiredParts {
  readonly ask: Ask
  readonly installer: Pick<Installer, 'install' | 'isSettled' | 'tend' | 'report' | 'active'>
  readonly health: Pick<Health, 'runs' | 'shadowed' | 'report'>
  /** What versions counted that ran beside the present ones. */
  shadowed(): readonly { readonly bundle: Running; readonly counts: Shadowed }[]
  readonly agreement: Agreement
  readonly clock: Clock
  readonly centreClock: CentreClock
  readonly log: Log
  /** See `../context/held-results.ts`; null for none. */
  results(): Promise<HeldResults | null>
  readonly policy: HeldPolicy
  readonly acknowledged: PolicyAcknowledged
}

/** What the centre last heard of the policy that is followed. */
export class PolicyAcknowledged {
  #said: string | null = null

  isNews(policy: ReportedPolicy): boolean {
    return this.#said !== JSON.stringify(policy)
  }

  noted(policy: ReportedPolicy): void {
    this.#said = JSON.stringify(policy)
  }
}

/**
 * One round; returns why bundles wait or were refused, a line each. Throws `CentreUnreachable` when nobody answers; a bundle
 * that is refused is reported, not thrown.
 */
export async function followDesired(parts: DesiredParts, signal: AbortSignal): Promise<readonly string[]> {
  // Before the centre is asked: what was not confirmed in time goes back without a network.
  await parts.installer.tend(signal)
  const desired = decodeJson(DesiredStateSchema, await parts.ask('state.desired', encode({ v: 1 }), signal))
  const policy = takePolicy(parts, desired.policy)
  const judge = judgeOf(parts, signal)
  const hindrances: string[] = []
  const refusals: ReportedBundle[] = []
  for (const bundle of desired.bundles) {
    const isSettled = await parts.installer.isSettled(bundle)
    // What follows may take minutes, and whoever published the policy does not wait for it.
    if (!isSettled && parts.acknowledged.isNews(policy))
      await report(parts, { wanted: desired.bundles, refusals, policy }, signal)
    const refusal = isSettled ? null : await judge(bundle)
    const outcome = refusal ?? (await parts.installer.install(bundle, signal))
    const name = `${bundle.name} ${bundle.version}`
    tell(parts.log, name, outcome)
    if (outcome.kind === 'deferred') hindrances.push(`the bundle ${name} waits: ${outcome.reason}`)
    if (outcome.kind === 'refused' || outcome.kind === 'parked')
      hindrances.push(`the bundle ${name} was refused: ${outcome.message}`)
    if (refusal !== null) refusals.push(reportedRefusal(bundle, refusal))
  }
  await report(parts, { wanted: desired.bundles, refusals, policy }, signal)
  return hindrances
}

type Refusal =
  | { readonly kind: 'refused'; readonly step: string; readonly code: string; readonly message: string }
  | { readonly kind: 'deferred'; readonly reason: string }

/** Both repositories are asked once a round, and only when something is to be installed. */
function judgeOf(
  parts: DesiredParts,
  signal: AbortSignal,
): (bundle: DesiredBundle) => Promise<Refusal | null> {
  let judge: Promise<Judge> | null = null
  return async (bundle) => {
    try {
      judge ??= parts.agreement.refreshed(signal)
      await (
        await judge
      )(bundle)
      return null
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof TufUnreachable) return { kind: 'deferred', reason: thrown.code }
      if (thrown instanceof RootsMissing)
        return { kind: 'refused', step: 'CHECK', code: thrown.code, message: thrown.message }
      if (!(thrown instanceof TufRefused)) throw thrown
      return { kind: 'refused', step: 'CHECK', code: `tuf_${thrown.reason}`, message: thrown.message }
    }
  }
}

function reportedRefusal({ name, version, envelopeSha256 }: DesiredBundle, refusal: Refusal): ReportedBundle {
  const named = { name, version, envelopeSha256 }
  if (refusal.kind === 'deferred') return { ...named, state: 'deferred', code: refusal.reason, message: null }
  return { ...named, state: 'refused', code: refusal.code, message: refusal.message.slice(0, 2_000) }
}

async function report(
  { ask, installer, health, clock, centreClock, log, ...parts }: DesiredParts,
  {
    wanted,
    refusals,
    policy,
  }: {
    readonly wanted: readonly DesiredBundle[]
    readonly refusals: readonly ReportedBundle[]
    readonly policy: ReportedPolicy
  },
  signal: AbortSignal,
): Promise<void> {
  const others = (await installer.report()).filter(({ name }) => refusals.every((one) => one.name !== name))
  const offerOf = (name: string): number | null => wanted.find((one) => one.name === name)?.offer ?? null
  const bundles = [...others, ...refusals].map((bundle) => {
    const offer = offerOf(bundle.name)
    return offer === null ? bundle : { ...bundle, offer }
  })
  health.runs(await running(installer, wanted, bundles))
  for (const { bundle, counts } of parts.shadowed()) health.shadowed(bundle, counts)
  const counted = await health.report()
  const results = await parts.results()
  const sentMs = clock.nowMs()
  const state = {
    v: 1,
    at: new Date(sentMs).toISOString(),
    policy,
    bundles,
    ...counted,
    device: itself(),
    ...(results === null ? {} : { results }),
  }
  const { at } = decodeJson(ReportAnswerSchema, await ask('state.report', encode(state), signal))
  parts.acknowledged.noted(policy)
  const clockOff = centreClock.heard(Date.parse(at), sentMs, clock.nowMs())
  if (clockOff !== null) log.warn(clockOff.message, { code: clockOff.code, remedy: clockOff.remedy })
}

/** What answers now, by name; under the decision that wanted just that, or under none. */
async function running(
  installer: DesiredParts['installer'],
  wanted: readonly DesiredBundle[],
  reported: readonly ReportedBundle[],
): Promise<readonly Running[]> {
  const found: Running[] = []
  for (const name of new Set([...wanted, ...reported].map((one) => one.name))) {
    const active = await installer.active(name)
    if (active === null) continue
    const decision = wanted.find((one) => one.name === name && one.envelopeSha256 === active.envelopeSha256)
    found.push({ name, envelopeSha256: active.envelopeSha256, offer: decision?.offer ?? null })
  }
  return found
}

function itself(): { readonly hardware: string; readonly utcOffsetMinutes: number } {
  return {
    hardware: `${process.arch}-${process.platform}`,
    utcOffsetMinutes: -new Date().getTimezoneOffset(),
  }
}

/** Takes up a newer signed policy, which is in force from the next effect on; says which one is held after it. */
function takePolicy({ policy, log }: DesiredParts, envelope: unknown): ReportedPolicy {
  const before = policy.current().document.version
  let refused: string | null = null
  try {
    if (envelope !== null) policy.take(envelope)
  } catch (thrown) {
    if (!(thrown instanceof StarlingError)) throw thrown
    // The policy that is held goes on: a bad one from the centre must not disarm the device.
    const { code, message } = reportError(thrown)
    log.warn('the centre sent a policy that was not taken', { code, message })
    refused = code
  }
  const { document, digest } = policy.current()
  if (document.version !== before) log.info(`follows the policy ${document.version}`, { before })
  return { version: document.version, digest, refused }
}

function tell(log: Log, name: string, outcome: InstallOutcome): void {
  switch (outcome.kind) {
    case 'committed':
      return log.info(`verified and activated the bundle ${name}`)
    case 'unchanged':
      return
    case 'deferred':
      return log.warn(`the bundle ${name} waits`, { reason: outcome.reason })
    case 'refused':
    case 'parked':
      return log.error(`the bundle ${name} was refused`, { code: outcome.code, message: outcome.message })
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
