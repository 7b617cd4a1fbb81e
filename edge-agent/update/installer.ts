/**
 * The conductor of one bundle's installation: reads the state, carries out its step, stores what `nextStep` makes of it,
 * and goes on until the state is at rest. Everything it does may be done again, so a crash costs the step that it hit.
 */
import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { isBusy, nextStep, type Install, type InstallFact, type InstallState } from '../../rollout/install.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Environment, Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Ask } from '../../shared/wire/answer.ts'
import type { BundleKind } from '../../shared/wire/bundle.ts'
import type { DesiredBundle, ReportedBundle } from '../../shared/wire/state.ts'
import { openContentStore, type ContentStore } from '../models-store/content-store.ts'
import type { Disk } from '../models-store/disk.ts'
import { openSlots, type Slots } from '../models-store/slots.ts'
import { openInstallJournal, type InstallEntry, type InstallJournal } from './install-journal.ts'
import { slotFacts, type BundleFacts } from './slot-facts.ts'
import { performStep } from './steps.ts'

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
  /** Loads the bundle in `dir` and runs its golden vectors; throws when one does not come out. */
  smoke(dir: string, facts: BundleFacts): Promise<void>
  /** Makes the running process take up `dir` and see that it works; throws when it does not. */
  confirm(dir: string, facts: BundleFacts): Promise<void>
}

export interface InstallParts extends InstallerParts {
  readonly store: ContentStore
  readonly slots: Slots
  readonly journal: InstallJournal
}

export type InstallOutcome =
  | { readonly kind: 'committed'; readonly bundle: ActiveBundle }
  | { readonly kind: 'unchanged'; readonly bundle: ActiveBundle }
  | { readonly kind: 'refused'; readonly step: string; readonly code: string; readonly message: string }
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
  /** Finishes or backs out of whatever a stop of the process interrupted. To be called once, at start, before anything runs. */
  resume(signal: AbortSignal): Promise<void>
  /** What runs now under that name; null for nothing. */
  active(name: string): Promise<ActiveBundle | null>
  /** Every bundle of a kind that runs, in the order in which they were published. */
  activeOf(kind: BundleKind): Promise<readonly (ActiveBundle & { readonly facts: BundleFacts })[]>
  /** Every bundle's state, for the report to the centre. */
  report(): Promise<readonly ReportedBundle[]>
}

export async function openInstaller(given: InstallerParts): Promise<Installer> {
  const { folder, disk } = given
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const store = openContentStore(join(folder, 'content'), disk)
  const parts: InstallParts = {
    ...given,
    store,
    slots: openSlots(join(folder, 'slots'), store, disk),
    journal: openInstallJournal(join(folder, 'installs'), disk),
  }
  const active = async (name: string): Promise<ActiveBundle | null> => await activeBundle(parts, name)
  return {
    slots: parts.slots,
    active,
    activeOf: async (kind) => {
      const found = []
      for (const name of await parts.journal.names()) {
        const bundle = await active(name)
        const facts = bundle === null ? null : await slotFacts(parts, bundle).catch(() => null)
        if (bundle !== null && facts?.kind === kind) found.push({ ...bundle, facts })
      }
      return found.toSorted((a, b) => a.facts.createdAtMs - b.facts.createdAtMs)
    },
    install: async (desired, signal) => await installOne(parts, desired, signal),
    resume: async (signal) => {
      for (const name of await parts.journal.names()) {
        const entry = await parts.journal.read(name)
        const state = nextStep(entry.state, { kind: 'restarted' })
        if (state !== entry.state) await parts.journal.write(name, { ...entry, state })
        await run(parts, { name, entry: { ...entry, state } }, signal)
      }
    },
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
  const before = await activeBundle(parts, name)
  const entry = await parts.journal.read(name)
  if (!isBusy(entry.state) && before?.envelopeSha256 === envelopeSha256)
    return { kind: 'unchanged', bundle: before }
  if (!isBusy(entry.state) && isFinal(entry) && entry.refused?.install.envelopeSha256 === envelopeSha256)
    return refusedOutcome(entry)
  const pointer = await parts.slots.pointer(name)
  const install: Install = { ...desired, slot: pointer?.active.slot === 'a' ? 'b' : 'a' }
  const offered: InstallFact =
    entry.state.kind === 'DEFERRED' && entry.state.install.envelopeSha256 === envelopeSha256
      ? { kind: 'retried' }
      : { kind: 'offered', install }
  const state = nextStep(entry.state, offered)
  if (state !== entry.state) await parts.journal.write(name, { ...entry, state })
  const after = await run(parts, { name, entry: { ...entry, state } }, signal)
  if (after.state.kind === 'DEFERRED') return { kind: 'deferred', reason: after.state.reason }
  const bundle = await activeBundle(parts, name)
  if (after.state.kind === 'COMMITTED' && bundle !== null) return { kind: 'committed', bundle }
  return refusedOutcome(after)
}

/** Runs steps until the state is at rest. */
async function run(
  parts: InstallParts,
  from: { readonly name: string; readonly entry: InstallEntry },
  signal: AbortSignal,
): Promise<InstallEntry> {
  let { entry } = from
  while (isBusy(entry.state)) {
    signal.throwIfAborted()
    const fact = await performStep(parts, entry.state, signal)
    const state = nextStep(entry.state, fact)
    const refused = entry.state.kind === 'REPORT' ? refusalOf(entry.state) : entry.refused
    entry = { state, refused: state.kind === 'COMMITTED' ? null : refused }
    await parts.journal.write(from.name, entry)
  }
  return entry
}

function refusalOf(state: Extract<InstallState, { kind: 'REPORT' }>): NonNullable<InstallEntry['refused']> {
  return { install: state.install, failure: state.failure }
}

/** Content that arrived wrong may be right next time; a verdict on the signed bytes, or a failed smoke test, stays. */
function isFinal(entry: InstallEntry): boolean {
  return entry.refused !== null && entry.refused.failure.code !== 'content_mismatch'
}

function refusedOutcome(entry: InstallEntry): InstallOutcome {
  const failure = entry.refused?.failure ?? {
    step: 'CHECK',
    code: 'unknown',
    message: 'nothing was installed',
  }
  return { kind: 'refused', ...failure }
}

async function activeBundle(parts: InstallParts, name: string): Promise<ActiveBundle | null> {
  const pointer = await parts.slots.pointer(name)
  if (pointer === null) return null
  const { version, envelopeSha256, slot } = pointer.active
  return { name, version, envelopeSha256, dir: parts.slots.folder(name, slot) }
}

function reported(entry: InstallEntry): ReportedBundle | null {
  const { state, refused } = entry
  if (state.kind === 'IDLE') {
    if (refused === null) return null
    const { install, failure } = refused
    return {
      ...named(install),
      state: 'refused',
      code: failure.code,
      message: failure.message.slice(0, 2_000),
    }
  }
  const { install } = state
  if (state.kind === 'COMMITTED') return { ...named(install), state: 'committed', code: null, message: null }
  if (state.kind === 'DEFERRED')
    return { ...named(install), state: 'deferred', code: state.reason.slice(0, 100), message: null }
  return { ...named(install), state: 'installing', code: null, message: state.kind }
}

function named(install: Install): Pick<ReportedBundle, 'name' | 'version' | 'envelopeSha256'> {
  const { name, version, envelopeSha256 } = install
  return { name, version, envelopeSha256 }
}
