/** Brings the device to what the centre wants of it: policy first, then bundles one after another, then says what came of it. */
import type { Clock } from '../../shared/clock.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { DesiredStateSchema, ReportAnswerSchema } from '../../shared/wire/state.ts'
import type { CentreClock } from './centre-clock.ts'
import type { Installer, InstallOutcome } from './installer.ts'

export interface DesiredParts {
  readonly ask: Ask
  readonly installer: Pick<Installer, 'install' | 'tend' | 'report'>
  readonly clock: Clock
  readonly centreClock: CentreClock
  readonly log: Log
  /** Takes up a newer signed policy; throws when it is not one that this device may follow. */
  takePolicy(envelope: unknown): Promise<void>
}

/**
 * One round; returns why bundles wait or were refused, a line each. Throws `CentreUnreachable` when nobody answers; a bundle
 * that is refused is reported, not thrown.
 */
export async function followDesired(parts: DesiredParts, signal: AbortSignal): Promise<readonly string[]> {
  // Before the centre is asked: what was not confirmed in time goes back without a network.
  await parts.installer.tend(signal)
  const desired = decodeJson(DesiredStateSchema, await parts.ask('state.desired', encode({ v: 1 }), signal))
  if (desired.policy !== null) await takePolicy(parts, desired.policy)
  const hindrances: string[] = []
  for (const bundle of desired.bundles) {
    const outcome = await parts.installer.install(bundle, signal)
    const name = `${bundle.name} ${bundle.version}`
    tell(parts.log, name, outcome)
    if (outcome.kind === 'deferred') hindrances.push(`the bundle ${name} waits: ${outcome.reason}`)
    if (outcome.kind === 'refused' || outcome.kind === 'parked')
      hindrances.push(`the bundle ${name} was refused: ${outcome.message}`)
  }
  const { clock, log } = parts
  const sentMs = clock.nowMs()
  const report = {
    v: 1,
    at: new Date(sentMs).toISOString(),
    bundles: await parts.installer.report(),
  }
  const { at } = decodeJson(ReportAnswerSchema, await parts.ask('state.report', encode(report), signal))
  const clockOff = parts.centreClock.heard(Date.parse(at), sentMs, clock.nowMs())
  if (clockOff !== null) log.warn(clockOff.message, { code: clockOff.code, remedy: clockOff.remedy })
  return hindrances
}

async function takePolicy(parts: DesiredParts, envelope: unknown): Promise<void> {
  try {
    await parts.takePolicy(envelope)
  } catch (thrown) {
    if (!(thrown instanceof StarlingError)) throw thrown
    // The policy that is held goes on: a bad one from the centre must not disarm the device.
    const { code, message } = reportError(thrown)
    parts.log.warn('the centre sent a policy that was not taken', { code, message })
  }
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
