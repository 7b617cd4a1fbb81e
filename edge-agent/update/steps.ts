/** What each state of an install does, in one table: a state without an executor does not compile. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CONFIRM_WITHIN_MS,
  isBusy,
  type Install,
  type InstallFact,
  type InstallState,
  type Transfer,
} from '../../rollout/install.ts'
import { openManifest, verifyManifest } from '../../rollout/manifest.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Answer, EffectRequest } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import { AskRefused, CentreUnreachable } from '../../shared/wire/answer.ts'
import type { BundleManifest } from '../../shared/wire/bundle.ts'
import { replaceFile } from '../models-store/disk.ts'
import { DiskFull, MachineExhausted, nullIfUnreadable, troubleOf } from '../models-store/disk-trouble.ts'
import { committedOccupant, type Occupant } from '../models-store/slots.ts'
import { activatePerformer, rollbackPerformer } from './activation.ts'
import { before, confirmed, type Confirming } from './confirmation.ts'
import { chunkRequest } from './fetch.ts'
import type { InstallParts } from './installer.ts'
import { slotDamage } from './slot-damage.ts'
import { filledSlot } from './slot-facts.ts'
import { assemblePlanned, fetchPlanned, PlanSpoiled } from './transfer.ts'
import { makePlan, removePlan, writePlan } from './transfer-plan.ts'

export class ManifestRefused extends StarlingError {
  override readonly code: string
  constructor(reason: string, detail: string) {
    super(`the bundle's manifest was refused (${reason}): ${detail}`, {
      remedy:
        'Nothing was changed. Publish a bundle that is signed for this environment, newer and not expired.',
    })
    this.code = `manifest_${reason}`
  }
}

/** The manifest that was checked lies on the disk no more, or damaged: that says nothing of the bundle. */
export class EnvelopeLost extends StarlingError {
  override readonly code = 'envelope_lost'
}

export class SmokeFailed extends StarlingError {
  override readonly code = 'smoke_failed'
}

/** Left free for the journal, the database and the audit record, which must go on. */
const RESERVE_BYTES = 16 * 1024 * 1024

export class ActivationDenied extends StarlingError {
  override readonly code = 'activation_denied'
}

/** The pointer could not be written; by the code of what kept it. */
export class ActivationFailed extends StarlingError {
  override readonly code: string
  constructor({ code, message, remedy }: { code: string; message: string; remedy: string }) {
    super(`the slot did not change: ${message}`, { remedy })
    this.code = code
  }
}

export class ShadowUnsupported extends StarlingError {
  override readonly code = 'shadow_unsupported'
}

/** It cannot be done now, which is nobody's fault. */
class Postponed extends StarlingError {
  override readonly code: string
  constructor(reason: string, message: string) {
    super(message, { remedy: 'Nothing needs to be done: it is tried again at the next round.' })
    this.code = reason
  }
}

type Busy = Exclude<InstallState, { kind: 'IDLE' | 'COMMITTED' | 'DEFERRED' | 'PARKED' }>
type Executor = (parts: InstallParts, install: Install, signal: AbortSignal) => Promise<void>

const EXECUTORS: Readonly<Record<Exclude<Busy['kind'], 'CONFIRM' | 'PLAN'>, Executor>> = {
  CHECK: check,
  FETCH: async (parts, install, signal) => {
    const { manifest } = await heldManifest(parts, install)
    await fetchPlanned(parts, { install, manifest }, signal)
  },
  ASSEMBLE: async (parts, install, signal) => {
    const { manifest } = await heldManifest(parts, install)
    await assemblePlanned(parts, { install, manifest }, signal)
  },
  VERIFY: async (parts, install) => {
    const { manifest, envelope } = await heldManifest(parts, install)
    for (const file of manifest.files) await parts.store.verify(file)
    await parts.slots.occupy({ name: install.name, slot: install.slot, manifest, envelope })
  },
  SMOKE: async (parts, install, signal) => {
    const { dir, facts } = await filledSlot(parts, install)
    await parts.trials.smoke(dir, facts, signal).catch((cause: unknown) => {
      throw new SmokeFailed(`the new bundle failed its smoke test: ${reportError(cause).message}`, {
        remedy: 'The bundle that ran goes on. Publish one whose golden vectors come out.',
        cause,
      })
    })
  },
  SHADOW: shadow,
  ACTIVATE: async (parts, install) => {
    // A shadow may lie on the disk for days before it runs.
    const damage = await slotDamage(parts, install)
    if (damage !== null) throw damage
    performedOrThrow(
      await parts.kernel.admit(activatePerformer(parts.slots), request(parts, install, 'activate')),
    )
  },
  ROLLBACK: async (parts, install, signal) => {
    const pointer = await parts.slots.pointer(install.name)
    if (pointer?.active.envelopeSha256 !== install.envelopeSha256 || pointer.committed) return
    performedOrThrow(
      await parts.kernel.admit(rollbackPerformer(parts.slots), request(parts, install, 'rollback')),
    )
    if (pointer.previous === null) return
    // The process may have taken up the new bundle already: it takes up the one before again.
    const { dir, facts } = await filledSlot(parts, { name: install.name, slot: pointer.previous.slot })
    const either = AbortSignal.any([signal, parts.alarm(CONFIRM_WITHIN_MS)])
    await before(either, async () => await parts.trials.confirm(dir, facts, either)).catch(() => undefined)
  },
  REPORT: forget,
}

/** What was kept for this install alone. */
async function forget(parts: InstallParts, install: Install): Promise<void> {
  await parts.disk.remove(envelopePath(parts, install))
  await removePlan(parts, install)
}

/** Deltas, and files of versions before the last: they go once no other install may be counting on them. */
async function tidy(parts: InstallParts, install: Install): Promise<void> {
  for (const name of await parts.journal.names()) {
    const { state } = await parts.journal.read(name)
    if (name !== install.name && (isBusy(state) || state.kind === 'DEFERRED')) return
  }
  await parts.store.prune()
}

/** Plans the way and says what it moves. Postpones where the link or the disk does not let it. */
async function plan(parts: InstallParts, install: Install, signal: AbortSignal): Promise<Transfer> {
  const { manifest } = await heldManifest(parts, install)
  const { linkClass } = parts.link()
  const link = { linkClass, allowsFullOnMetered: install.fullOnMetered === true }
  const made = await makePlan(parts, { install, manifest, link }, signal)
  const { moveBytes, fullBytes } = made
  if (made.waitsFor !== null)
    throw new Postponed(
      'full_file_on_metered_link',
      `${made.waitsFor} would move ${moveBytes} bytes over a metered link`,
    )
  const freeBytes = await parts.disk.freeBytes(parts.folder)
  if (freeBytes < made.diskBytes + RESERVE_BYTES)
    throw new Postponed('no_room', `it needs ${made.diskBytes} bytes of disk, ${freeBytes} are free`)
  await writePlan(parts, install, made.plan)
  return { moveBytes, fullBytes }
}

async function shadow(parts: InstallParts, install: Install, signal: AbortSignal): Promise<void> {
  const { shadow: wish } = install
  if (wish === undefined) return
  if (parts.trials.shadow === null)
    throw new ShadowUnsupported('this device cannot run two versions side by side', {
      remedy: 'Offer the bundle without a shadow, or to devices that have room for two models.',
    })
  const { dir, facts } = await filledSlot(parts, install)
  const { name, envelopeSha256, offer = null } = install
  const bundle = { name, envelopeSha256, offer }
  if ((await parts.trials.shadow(dir, { facts, wish, bundle }, signal)) === 'later')
    throw new Postponed('shadowing', 'it runs beside the present version, and has not seen enough yet')
}

/** Has the process take up the slot of a bundle that waits to be confirmed, and no more. */
export async function takeUp(
  parts: InstallParts,
  state: Confirming,
  signal: AbortSignal,
): Promise<InstallFact> {
  return await judged(parts, signal, async () => await confirmed(parts, state, signal, 'take up'))
}

async function confirm(parts: InstallParts, state: Confirming, signal: AbortSignal): Promise<void> {
  await confirmed(parts, state, signal, 'take up and work')
  await parts.slots.commit(state.install.name)
  await forget(parts, state.install)
  await tidy(parts, state.install)
}

/** Carries out the state's step and says what came of it. Rejects when the step could not even be judged. */
export async function performStep(
  parts: InstallParts,
  state: InstallState,
  signal: AbortSignal,
): Promise<InstallFact> {
  if (!isBusy(state)) return { kind: 'retried' }
  const busy = state as Busy
  const work = async (): Promise<Transfer | void> => {
    if (busy.kind === 'CONFIRM') await confirm(parts, busy, signal)
    else if (busy.kind === 'PLAN') return await plan(parts, busy.install, signal)
    else await EXECUTORS[busy.kind](parts, busy.install, signal)
  }
  // Backing out has no way back of its own: a failure there stops the install where it is, to be resumed.
  if (busy.kind === 'ROLLBACK' || busy.kind === 'REPORT') {
    await work()
    return { kind: 'done', atMs: parts.clock.nowMs() }
  }
  return await judged(parts, signal, work)
}

async function judged(
  parts: InstallParts,
  signal: AbortSignal,
  work: () => Promise<Transfer | void>,
): Promise<InstallFact> {
  try {
    const transfer = await work()
    return { kind: 'done', atMs: parts.clock.nowMs(), ...(transfer === undefined ? {} : { transfer }) }
  } catch (thrown) {
    if (signal.aborted) throw thrown
    return factOf(thrown)
  }
}

/** What keeps a pointer from being written, and is over without anybody's new release. */
const WAITED_OUT: ReadonlySet<string> = new Set(['disk_full', 'machine_exhausted'])

function factOf(thrown: unknown): InstallFact {
  if (thrown instanceof PlanSpoiled) return { kind: 'spoiled' }
  // What was read from the disk, beside what was written to it, fails by the system's own words.
  const named = troubleOf(thrown, 'read what is held') ?? thrown
  if (
    named instanceof Postponed ||
    named instanceof CentreUnreachable ||
    named instanceof DiskFull ||
    named instanceof MachineExhausted
  )
    return { kind: 'postponed', reason: named.code }
  const { code, message } = reportError(named)
  if (named instanceof ActivationFailed && WAITED_OUT.has(code)) return { kind: 'postponed', reason: code }
  const refusal = named instanceof AskRefused ? named.report.code : code
  return { kind: 'failed', code: refusal, message }
}

async function check(parts: InstallParts, install: Install, signal: AbortSignal): Promise<void> {
  const bytes = await envelopeOf(parts, install, signal)
  if (bytes.length !== install.envelopeSizeBytes || sha256Hex(bytes) !== install.envelopeSha256)
    throw new ManifestRefused('not_as_named', 'its bytes are not the ones that the desired state names')
  const committed = committedOccupant(await parts.slots.pointer(install.name))
  // Where the director signed that the device goes back from what it runs, its version says nothing.
  const installed = committed?.envelopeSha256 === install.returnFrom ? null : committed
  const { releaseKeys, threshold, environment, runtimeVersion } = parts.trust
  const verdict = verifyManifest(bytes, {
    releaseKeys,
    threshold,
    environment,
    runtimeVersion,
    nowMs: parts.clock.nowMs(),
    name: install.name,
    installed,
  })
  if (verdict.kind === 'refused') throw new ManifestRefused(verdict.reason, verdict.detail)
  if (verdict.manifest.version !== install.version)
    throw new ManifestRefused(
      'not_as_named',
      `it is version ${verdict.manifest.version}, not ${install.version}`,
    )
  await replaceFile(parts.disk, envelopePath(parts, install), bytes)
}

/** From the site's cache where that has the right one, else from the centre. */
async function envelopeOf(parts: InstallParts, install: Install, signal: AbortSignal): Promise<Uint8Array> {
  const { envelopeSha256: sha256 } = install
  const held = await parts.site?.piece({ v: 1, sha256, index: 0, digest: sha256 }, signal)
  if (held != null && sha256Hex(held) === sha256) return held
  return await parts.ask('bundle.chunk', chunkRequest(sha256, 0), signal)
}

/** The manifest that CHECK accepted, from the disk, its signature verified again: a disk is not to be believed either. */
async function heldManifest(
  parts: InstallParts,
  install: Install,
): Promise<{ readonly manifest: BundleManifest; readonly envelope: Uint8Array }> {
  const envelope = await readFile(envelopePath(parts, install)).catch(nullIfUnreadable)
  if (envelope === null || sha256Hex(envelope) !== install.envelopeSha256)
    throw new EnvelopeLost('the manifest that was checked is gone from the disk, or damaged there', {
      remedy: 'Nothing needs to be done: it is fetched again. If this comes again, check the disk.',
    })
  const opened = openManifest(envelope, parts.trust)
  if (opened.kind === 'refused') throw new ManifestRefused(opened.reason, opened.detail)
  return { manifest: opened.manifest, envelope }
}

function envelopePath(parts: InstallParts, install: Install): string {
  return join(parts.folder, 'envelopes', `${install.envelopeSha256}.json`)
}

/** Leaves a slot whose files are damaged: what was committed before it runs, or nothing. Throws {@link ActivationDenied}. */
export async function leaveDamaged(
  parts: InstallParts,
  occupant: Occupant & { name: string },
): Promise<void> {
  const { input, ...wanted } = request(parts, occupant, 'rollback')
  performedOrThrow(
    await parts.kernel.admit(rollbackPerformer(parts.slots), {
      ...wanted,
      input: { ...input, damaged: true },
    }),
  )
}

function request(
  parts: InstallParts,
  install: Occupant & { readonly name: string },
  verb: 'activate' | 'rollback',
): EffectRequest<JsonObject> {
  const { name, slot, version, envelopeSha256 } = install
  return {
    principal: parts.principal,
    action: `bundle.${verb}`,
    resource: { type: 'bundle', id: name },
    dataClass: 'internal',
    input: { name, slot, version, envelopeSha256 },
    confidence: null,
    turn: null,
    cost: 1,
  }
}

function performedOrThrow(answer: Answer<JsonObject>): void {
  if (answer.kind === 'performed') return
  if (answer.kind === 'failed') throw new ActivationFailed(answer)
  throw new ActivationDenied(`the kernel did not let the slot change: ${answer.reason}`, {
    remedy: 'Permit bundle.activate and bundle.rollback in the policy.',
  })
}
