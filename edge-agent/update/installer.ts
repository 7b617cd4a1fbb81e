/**
 * The conductor of one bundle's installation: reads the state, carries out its step, stores what `nextStep` makes of it,
 * and goes on until the state is at rest. Everything it does may be done again, so a crash costs the step that it hit.
 */
import { join } from 'node:path'
import {
  isBusy,
  isExposed,
  isSameOffer,
  nextStep,
  type Install,
  type InstallFact,
  type InstallState,
  type ShadowWish,
} from '../../rollout/install.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Environment, Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import type { BundleKind } from '../../shared/wire/bundle.ts'
import type { DesiredBundle, ReportedBundle } from '../../shared/wire/state.ts'
import { openContentStore, type ContentMismatch, type ContentStore } from '../models-store/content-store.ts'
import { realDisk, type Disk } from '../models-store/disk.ts'
import { namedTroubles, nullIfUnreadable } from '../models-store/disk-trouble.ts'
import { openSlots, type Slots } from '../models-store/slots.ts'
import type { SitePieces } from '../site/site-pieces.ts'
import type { Running } from './health.ts'
import { openInstallJournal, type InstallEntry, type InstallJournal } from './install-journal.ts'
import { reported } from './reported.ts'
import { slotFacts, type BundleFacts } from './slot-facts.ts'
import { slotDamage, type SlotDamaged } from './slot-damage.ts'
import { leaveDamaged, performStep, takeUp } from './steps.ts'
import type { Link } from './transfer-plan.ts'

/** What the composition root gives. */
export interface InstallerParts {
  /** Objects, slots and the install journal lie under it. */
  readonly folder: string
  readonly disk: Disk
  readonly ask: Ask
  readonly kernel: Kernel
  readonly principal: Principal
  readonly clock: Clock
  readonly trust: {
    readonly releaseKeys: readonly PublicKey[]
    readonly threshold: number
    readonly environment: Environment
    readonly runtimeVersion: string
  }
  readonly trials: Trials
  /** The site's cache, asked before the centre; null where there is none. */
  readonly site: SitePieces | null
  /** Told of each piece that the site's cache gave and that was something else: the centre is asked then. */
  readonly onPoisoned: (cause: ContentMismatch) => void
  /** Told of a slot that was left because its files are damaged on the disk. */
  readonly onDamaged: (damage: SlotDamaged) => void
  /** By which link the device hangs now. */
  link(): Pick<Link, 'linkClass'>
  /** A signal that aborts after so many milliseconds, by a clock that nobody can set. */
  alarm(afterMs: number): AbortSignal
}

/** What the device does with a filled slot before it believes it. Each may be called again after a crash. */
export interface Trials {
  /** Loads the bundle in `dir` and runs its golden vectors; throws when one does not come out. */
  smoke(dir: string, facts: BundleFacts, signal: AbortSignal): Promise<void>
  /**
   * Runs `dir` beside the present version on live input, nothing acted on: `enough` once the wish is met, `later` when it is to
   * be asked again at the next round; throws when the two disagree too much. Null where this device cannot.
   */
  readonly shadow:
    | ((
        dir: string,
        of: { readonly facts: BundleFacts; readonly wish: ShadowWish; readonly bundle: Running },
        signal: AbortSignal,
      ) => Promise<'enough' | 'later'>)
    | null
  /** Makes the running process take up `dir` and see that it loads; throws when it does not. */
  confirm(dir: string, facts: BundleFacts, signal: AbortSignal): Promise<void>
  /** The dead man's word: resolves once the device works with what it took up; throws when it does not. Asked only where there is a way back. */
  healthy(dir: string, facts: BundleFacts, signal: AbortSignal): Promise<void>
}

export interface InstallParts extends InstallerParts {
  readonly store: ContentStore
  readonly slots: Slots
  readonly journal: InstallJournal
}

export type InstallOutcome =
  | { readonly kind: 'committed'; readonly bundle: ActiveBundle }
  | { readonly kind: 'unchanged'; readonly bundle: ActiveBundle }
  /** `parked`: it is not tried again by itself. */
  | {
      readonly kind: 'refused' | 'parked'
      readonly step: string
      readonly code: string
      readonly message: string
    }
  | { readonly kind: 'deferred'; readonly reason: string }

/** The bundle that runs: `dir` holds its files. */
export interface ActiveBundle {
  readonly name: string
  readonly version: string
  readonly envelopeSha256: string
  readonly dir: string
}

export interface Installer {
  readonly slots: Slots
  /** Brings one bundle to what is desired; resolves at rest. Rejects only when the disk fails or `signal` aborts. */
  install(desired: DesiredBundle, signal: AbortSignal): Promise<InstallOutcome>
  /**
   * Finishes or backs out of whatever a stop of the process interrupted, where that needs no network. To be called once, at
   * start, before anything runs.
   */
  resume(signal: AbortSignal): Promise<void>
  /**
   * Goes on with what needs no network: confirms, or goes back from what was not confirmed in time, and asks a shadow whether it
   * has seen enough. To be called every round, whether or not the centre can be reached.
   */
  tend(signal: AbortSignal): Promise<void>
  /** True where `install` has nothing to do: it runs and is committed, or was given up. */
  isSettled(desired: DesiredBundle): Promise<boolean>
  /** What runs now under that name; null for nothing. */
  active(name: string): Promise<ActiveBundle | null>
  /** Every bundle of a kind that runs, in the order in which they were published. */
  activeOf(kind: BundleKind): Promise<readonly (ActiveBundle & { readonly facts: BundleFacts })[]>
  /** Every bundle's state, for the report to the centre. */
  report(): Promise<readonly ReportedBundle[]>
}

export async function openInstaller(given: InstallerParts): Promise<Installer> {
  const { folder } = given
  await realDisk.makeFolder(folder)
  const disk = namedTroubles(given.disk)
  const store = openContentStore(join(folder, 'content'), disk)
  const parts: InstallParts = {
    ...given,
    disk,
    store,
    slots: openSlots(join(folder, 'slots'), store, disk),
    journal: openInstallJournal(join(folder, 'installs'), disk),
  }
  const active = async (name: string): Promise<ActiveBundle | null> => await activeBundle(parts, name)
  const each = async (work: (name: string) => Promise<unknown>): Promise<void> => {
    for (const name of await parts.journal.names()) await work(name)
  }
  return {
    slots: parts.slots,
    active,
    activeOf: async (kind) => {
      const found = []
      for (const name of await parts.journal.names()) {
        const bundle = await active(name)
        const facts = bundle === null ? null : await slotFacts(parts, bundle).catch(nullIfUnreadable)
        if (bundle !== null && facts?.kind === kind) found.push({ ...bundle, facts })
      }
      return found.toSorted((a, b) => a.facts.createdAtMs - b.facts.createdAtMs)
    },
    isSettled: async (desired) => {
      const { state, refused } = await entryOf(parts, desired.name)
      if (isLocal(state)) return false
      const pointer = await parts.slots.pointer(desired.name)
      const runs = pointer?.committed === true && pointer.active.envelopeSha256 === desired.envelopeSha256
      return runs || isFinal({ state, refused }, desired, parts.clock.nowMs())
    },
    install: async (desired, signal) => await installOne(parts, desired, signal),
    resume: async (signal) => await each(async (name) => await resumeOne(parts, name, signal)),
    tend: async (signal) => await each(async (name) => await tended(parts, name, signal)),
    report: async () => {
      const names = await parts.journal.names()
      const all = await Promise.all(names.map(async (name) => reported(await parts.journal.read(name))))
      return all.filter((bundle) => bundle !== null)
    },
  }
}

async function installOne(
  parts: InstallParts,
  desired: DesiredBundle,
  signal: AbortSignal,
): Promise<InstallOutcome> {
  const { name, envelopeSha256 } = desired
  const found = await entryOf(parts, name)
  const entry = isLocal(found.state) ? await tended(parts, name, signal) : found
  const running = await activeBundle(parts, name)
  const pointer = await parts.slots.pointer(name)
  if (running?.envelopeSha256 === envelopeSha256 && pointer?.committed === true) {
    const install = { ...desired, slot: pointer.active.slot }
    const settled = await heard(parts, { name, entry }, { kind: 'settled', install })
    if (settled.refused !== null) await parts.journal.write(name, { ...settled, refused: null })
    return { kind: entry === found ? 'unchanged' : 'committed', bundle: running }
  }
  if (isExposed(entry.state)) return outcomeOf(entry, running)
  if (isFinal(entry, desired, parts.clock.nowMs())) return outcomeOf(entry, running)
  const slot = pointer?.active.slot === 'a' ? 'b' : 'a'
  const install: Install = { ...desired, slot, attempt: attemptOf(entry, desired) }
  const isAgain = entry.state.kind === 'DEFERRED' && isSameOffer(entry.state.install, install)
  const offered: InstallFact = isAgain ? { kind: 'retried' } : { kind: 'offered', install }
  const begun = await heard(parts, { name, entry }, offered)
  const after = await run(parts, { name, entry: begun }, signal)
  return outcomeOf(after, await activeBundle(parts, name))
}

/** The journal's entry. Where it was lost beside a slot that nobody confirmed, the device goes back from that slot. */
async function entryOf(parts: InstallParts, name: string): Promise<InstallEntry> {
  const entry = await parts.journal.read(name)
  const pointer = await parts.slots.pointer(name)
  if (pointer === null || pointer.committed || isExposed(entry.state)) return entry
  const install = { name, ...pointer.active, envelopeSizeBytes: 1 }
  const message = 'what was known of its installation is lost, and it was not confirmed to work'
  const failure = { step: 'CONFIRM', code: 'install_journal_lost', message } as const
  return { ...entry, state: { kind: 'ROLLBACK', install, failure } }
}

/** The entry after a fact, on the disk when it changed. */
async function heard(
  parts: InstallParts,
  { name, entry }: { readonly name: string; readonly entry: InstallEntry },
  fact: InstallFact,
): Promise<InstallEntry> {
  const state = nextStep(entry.state, fact)
  if (state === entry.state) return entry
  const after = { ...entry, state }
  await parts.journal.write(name, after)
  return after
}

/** Leaves what is damaged on the disk, slot after slot; what was committed before may be damaged, too. */
async function mended(parts: InstallParts, name: string): Promise<void> {
  for (;;) {
    const active = (await parts.slots.pointer(name))?.active
    if (active === undefined) return
    const damage = await slotDamage(parts, { name, ...active })
    if (damage === null) return
    const install = { name, ...active, envelopeSizeBytes: 1 }
    const failure = { step: 'VERIFY', code: damage.code, message: damage.message } as const
    parts.onDamaged(damage)
    await leaveDamaged(parts, { name, ...active })
    await parts.journal.write(name, { state: { kind: 'IDLE' }, refused: { install, failure } })
  }
}

async function resumeOne(parts: InstallParts, name: string, signal: AbortSignal): Promise<void> {
  await mended(parts, name)
  const entry = await waited(
    parts,
    name,
    await heard(parts, { name, entry: await entryOf(parts, name) }, { kind: 'restarted' }),
  )
  if (!isLocal(entry.state)) return
  const after = await run(parts, { name, entry, untilConfirm: true }, signal)
  if (after.state.kind !== 'CONFIRM') return
  // The device has to serve in order to show that it works: here the bundle is only taken up, and `tend` sees the rest.
  const fact = await takeUp(parts, after.state, signal)
  if (fact.kind !== 'failed') return
  await run(parts, { name, entry: await heard(parts, { name, entry: after }, fact) }, signal)
}

async function waited(parts: InstallParts, name: string, entry: InstallEntry): Promise<InstallEntry> {
  return await heard(parts, { name, entry }, { kind: 'waited', atMs: parts.clock.nowMs() })
}

/** Steps that need the centre, and its word that the bundle is still wanted. */
const REMOTE: ReadonlySet<string> = new Set(['CHECK', 'PLAN', 'FETCH'])

/** True where there is something to do that needs nothing but the device. */
function isLocal(state: InstallState): boolean {
  return state.kind === 'DEFERRED' ? !REMOTE.has(state.step) : isBusy(state) && !REMOTE.has(state.kind)
}

async function tended(parts: InstallParts, name: string, signal: AbortSignal): Promise<InstallEntry> {
  const entry = await waited(parts, name, await entryOf(parts, name))
  if (!isLocal(entry.state)) return entry
  return await run(parts, { name, entry: await heard(parts, { name, entry }, { kind: 'retried' }) }, signal)
}

/** Runs steps until the state is at rest. */
async function run(
  parts: InstallParts,
  from: { readonly name: string; readonly entry: InstallEntry; readonly untilConfirm?: boolean },
  signal: AbortSignal,
): Promise<InstallEntry> {
  let { entry } = from
  while (isBusy(entry.state)) {
    signal.throwIfAborted()
    if (from.untilConfirm === true && entry.state.kind === 'CONFIRM') return entry
    const fact = await performStep(parts, entry.state, signal)
    const state = nextStep(entry.state, fact)
    const refused = entry.state.kind === 'REPORT' ? refusalOf(entry.state, parts.clock) : entry.refused
    entry = { state, refused: state.kind === 'COMMITTED' ? null : refused }
    await parts.journal.write(from.name, entry)
  }
  return entry
}

function refusalOf(
  { install, failure }: Extract<InstallState, { kind: 'REPORT' }>,
  clock: Clock,
): NonNullable<InstallEntry['refused']> {
  return { install, failure, atMs: clock.nowMs() }
}

/** A verdict on the signed bytes stays, unless an operator orders a retry; what was given up is left in the same way. */
function isFinal({ state, refused }: InstallEntry, desired: DesiredBundle, nowMs: number): boolean {
  const last = state.kind === 'PARKED' ? state : state.kind === 'IDLE' ? refused : null
  if (last?.install.envelopeSha256 !== desired.envelopeSha256) return false
  if ((desired.offer ?? 0) > (last.install.offer ?? 0)) return false
  // That it had expired was the word of a clock that has been set back since.
  if (last.failure.code === EXPIRED && nowMs < (refused?.atMs ?? 0)) return false
  return state.kind === 'PARKED' || last.failure.code.startsWith('manifest_')
}

const EXPIRED = 'manifest_expired'

function attemptOf({ refused }: InstallEntry, desired: DesiredBundle): number {
  if (refused?.install.envelopeSha256 !== desired.envelopeSha256) return 1
  if ((desired.offer ?? 0) > (refused.install.offer ?? 0)) return 1
  return (refused.install.attempt ?? 1) + 1
}

function outcomeOf({ state, refused }: InstallEntry, bundle: ActiveBundle | null): InstallOutcome {
  if (state.kind === 'DEFERRED') return { kind: 'deferred', reason: state.reason }
  if (state.kind === 'COMMITTED' && bundle !== null) return { kind: 'committed', bundle }
  if (state.kind === 'PARKED') return { kind: 'parked', ...state.failure }
  const failure = refused?.failure ?? { step: 'CHECK', code: 'unknown', message: 'nothing was installed' }
  return { kind: 'refused', ...failure }
}

async function activeBundle(parts: InstallParts, name: string): Promise<ActiveBundle | null> {
  const pointer = await parts.slots.pointer(name)
  if (pointer === null) return null
  const { version, envelopeSha256, slot } = pointer.active
  return { name, version, envelopeSha256, dir: parts.slots.folder(name, slot) }
}
