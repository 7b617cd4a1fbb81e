/**
 * A simulated device installs: the production state machine (install.ts) is told what happens to each of its steps, and says
 * what comes next. Nothing else moves a device from one version to the other.
 */
import { isBusy, nextStep, type Install, type InstallFact, type InstallState } from '../install.ts'
import type { Assignment } from '../campaign/assignment.ts'
import { NOTHING_COUNTED, countUp, shadowWindow, shadowWindowMs } from './health.ts'
import { HOUR_MS, MINUTE_MS, onlineFrom, type SimDevice, type World } from './world.ts'

/** The pieces in which the candidate travels; a device has all of them or does not activate it. */
export const PIECES = 16
/** The chance that a transfer breaks off on the way, and goes on later where it stopped. */
const LOSSY = 0.05
/** The chance that the power goes in one step. */
const POWER_CUT = 0.002
const AFTER_POWER_CUT_MS = 2 * MINUTE_MS
const TRY_AGAIN_MS = HOUR_MS
const LAN_FETCH_MS = 20_000

const STEP_MS: Readonly<Record<string, number>> = {
  CHECK: 10_000,
  PLAN: 2_000,
  ASSEMBLE: 15_000,
  VERIFY: 10_000,
  SMOKE: 45_000,
  ACTIVATE: 3_000,
  CONFIRM: MINUTE_MS,
  ROLLBACK: 10_000,
  REPORT: 2_000,
}

export interface Moved {
  /** When it goes on; null when it rests. */
  readonly againMs: number | null
  /** The centre is to hear of it. */
  readonly isNews: boolean
}

export interface Errand {
  readonly world: World
  readonly wanted: Extract<Assignment, { kind: 'run' }>
  readonly transferBytes: number
  readonly windowInputs: number
  readonly nowMs: number
}

/** True when what is wanted runs and nothing is under way. */
export function isSettled({ install, runs }: SimDevice, { wanted }: Pick<Errand, 'wanted'>): boolean {
  return runs === wanted.runs && !isBusy(install) && install.kind !== 'DEFERRED'
}

/** One step of the device at `nowMs`: begins what is wanted, or finishes the step that it was in. */
export function move(device: SimDevice, errand: Errand): Moved {
  const { nowMs } = errand
  if (!isBusy(device.install)) return begin(device, errand)
  if (device.random() < POWER_CUT) {
    tell(device, { kind: 'restarted' })
    return { againMs: nowMs + AFTER_POWER_CUT_MS, isNews: false }
  }
  return (ACTS[device.install.kind] ?? done)(device, errand)
}

/** What a step does beside taking its time; the others only take it. What lies in the other slot already is not fetched or tried again. */
const ACTS: Partial<Readonly<Record<InstallState['kind'], (device: SimDevice, errand: Errand) => Moved>>> = {
  FETCH: (device, errand) => (isBack(device) ? done : fetched)(device, errand),
  SMOKE: (device, errand) => (isBack(device) ? done : smoked)(device, errand),
  SHADOW: (device, errand) => shadowed(device, errand),
  ACTIVATE: (device, errand) => {
    switchTo(device, isBack(device) ? 'last_good' : 'candidate', errand)
    return done(device, errand)
  },
  ROLLBACK: (device, errand) => {
    switchTo(device, isBack(device) ? 'candidate' : 'last_good', errand)
    return done(device, errand)
  },
}

function isBack({ install }: SimDevice): boolean {
  return targetOf(install) === 'last_good'
}

function begin(device: SimDevice, errand: Errand): Moved {
  const { wanted, nowMs } = errand
  if (isSettled(device, errand)) return { againMs: null, isNews: false }
  const { install } = device
  if (install.kind === 'DEFERRED' && targetOf(install) === wanted.runs) tell(device, { kind: 'retried' })
  else if (device.runs === wanted.runs) {
    tell(device, { kind: 'settled', install: installOf(errand, 1) })
    return { againMs: null, isNews: true }
  } else tell(device, { kind: 'offered', install: installOf(errand, device.attempt + 1) })
  // A parked device takes nothing of the same kind up again by itself.
  return isBusy(device.install)
    ? { againMs: nowMs + durationOf(device.install), isNews: false }
    : { againMs: null, isNews: false }
}

function installOf({ wanted }: Errand, attempt: number): Install {
  const { generation: offer, shadowInputs, runs } = wanted
  const { name, version, envelopeSha256, envelopeSizeBytes } = wanted.bundle
  const slot = runs === 'candidate' ? 'b' : 'a'
  const install = { name, version, envelopeSha256, envelopeSizeBytes, slot, offer, attempt } as const
  return slot === 'b' && shadowInputs > 0
    ? { ...install, shadow: { turns: shadowInputs, hours: 24 * 30 } }
    : install
}

/** The bundle in slot b is the candidate. */
function targetOf(install: InstallState): 'candidate' | 'last_good' | null {
  return install.kind === 'IDLE' ? null : install.install.slot === 'b' ? 'candidate' : 'last_good'
}

function tell(device: SimDevice, fact: InstallFact): void {
  device.install = nextStep(device.install, fact)
}

/** The step did what it had to. */
function done(device: SimDevice, { nowMs, windowInputs }: Errand): Moved {
  const before = device.install
  tell(device, { kind: 'done', atMs: nowMs })
  const { install } = device
  // A window of the shadow is over when its inputs have come.
  const tookMs = install.kind === 'SHADOW' ? shadowWindowMs(windowInputs) : durationOf(install)
  if (isBusy(install)) return { againMs: nowMs + tookMs, isNews: false }
  if (install.kind !== 'IDLE') return { againMs: null, isNews: true }
  if (before.kind !== 'IDLE') device.attempt = before.install.attempt ?? 1
  return { againMs: nowMs + TRY_AGAIN_MS, isNews: true }
}

function durationOf(install: InstallState): number {
  return STEP_MS[install.kind] ?? LAN_FETCH_MS
}

/** Over the site's link once, by whoever of it comes first; everybody else waits for that and takes it from the leaf. */
function fetched(device: SimDevice, errand: Errand): Moved {
  const { world, nowMs, transferBytes, wanted } = errand
  const { site } = device
  const onlineMs = onlineFrom(device, world.settings, nowMs)
  if (onlineMs > nowMs) return deferred(device, 'no link', onlineMs)
  if (site.fetched?.generation !== wanted.generation) {
    const startMs = Math.max(nowMs, site.linkFreeMs)
    const atMs = startMs + Math.ceil((transferBytes / site.bytesPerSecond) * 1_000)
    site.linkFreeMs = atMs
    site.bytes += transferBytes
    site.fetched = { generation: wanted.generation, atMs }
  }
  if (nowMs < site.fetched.atMs) return { againMs: site.fetched.atMs + LAN_FETCH_MS, isNews: false }
  if (device.random() < LOSSY) {
    device.pieces = Math.min(PIECES - 1, device.pieces + Math.floor(device.random() * PIECES))
    return deferred(device, 'the transfer broke off', nowMs + 5 * MINUTE_MS)
  }
  device.pieces = PIECES
  return done(device, errand)
}

function deferred(device: SimDevice, reason: string, againMs: number): Moved {
  tell(device, { kind: 'postponed', reason })
  return { againMs, isNews: false }
}

/** A model that kills its process is found unfinished at each start, until the machine has seen enough of it. */
function smoked(device: SimDevice, errand: Errand): Moved {
  if (device.isLooping) {
    tell(device, { kind: 'restarted' })
    return { againMs: errand.nowMs + AFTER_POWER_CUT_MS, isNews: false }
  }
  if (!device.cannotInstall) return done(device, errand)
  tell(device, { kind: 'failed', code: 'smoke_failed', message: 'the golden inputs came out otherwise' })
  return { againMs: errand.nowMs + durationOf(device.install), isNews: false }
}

function shadowed(device: SimDevice, errand: Errand): Moved {
  const { world, nowMs, wanted, windowInputs } = errand
  shadowWindow(device, world.settings, windowInputs)
  if ((device.shadow?.inputs ?? 0) >= wanted.shadowInputs) return { ...done(device, errand), isNews: true }
  tell(device, { kind: 'postponed', reason: 'its shadow is not done' })
  return { againMs: nowMs + shadowWindowMs(windowInputs), isNews: true }
}

function switchTo(device: SimDevice, runs: SimDevice['runs'], { world, nowMs }: Errand): void {
  if (device.runs === runs) return
  countUp(device, world.settings, nowMs)
  device.runs = runs
  device.countedMs = nowMs
  if (runs === 'candidate') device.candidate = NOTHING_COUNTED
}
