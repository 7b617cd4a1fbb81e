/** What each state of an install does, in one table: a state without an executor does not compile. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Install, InstallFact, InstallState } from '../../rollout/install.ts'
import { openManifest, verifyManifest } from '../../rollout/manifest.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Answer, EffectRequest } from '../../shared/kernel/contract.ts'
import type { JsonObject } from '../../shared/json.ts'
import { AskRefused, CentreUnreachable } from '../../shared/wire/answer.ts'
import type { BundleManifest } from '../../shared/wire/bundle.ts'
import { replaceFile } from '../models-store/disk.ts'
import { committedOccupant } from '../models-store/slots.ts'
import { activatePerformer, rollbackPerformer } from './activation.ts'
import { chunkRequest, fetchContent } from './fetch.ts'
import type { InstallParts } from './installer.ts'
import { slotFacts } from './slot-facts.ts'

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

export class SmokeFailed extends StarlingError {
  override readonly code = 'smoke_failed'
}

export class ConfirmationFailed extends StarlingError {
  override readonly code = 'confirmation_failed'
}

export class ActivationDenied extends StarlingError {
  override readonly code = 'activation_denied'
}

type Busy = Exclude<InstallState, { kind: 'IDLE' | 'COMMITTED' | 'DEFERRED' }>
type Executor = (parts: InstallParts, install: Install, signal: AbortSignal) => Promise<void>

const EXECUTORS: Readonly<Record<Busy['kind'], Executor>> = {
  CHECK: check,
  FETCH: async (parts, install, signal) => {
    const { manifest } = await heldManifest(parts, install)
    for (const file of manifest.files) await fetchContent(parts, file, signal)
  },
  VERIFY: async (parts, install) => {
    const { manifest, envelope } = await heldManifest(parts, install)
    for (const file of manifest.files) await parts.store.verify(file)
    await parts.slots.occupy({ name: install.name, slot: install.slot, manifest, envelope })
  },
  SMOKE: async (parts, install) => {
    await smokeSlot(parts, install).catch((cause: unknown) => {
      throw new SmokeFailed(`the new bundle failed its smoke test: ${reportError(cause).message}`, {
        remedy: 'The bundle that ran goes on. Publish one whose golden vectors come out.',
        cause,
      })
    })
  },
  ACTIVATE: async (parts, install) => {
    performedOrThrow(
      await parts.kernel.admit(activatePerformer(parts.slots), request(parts, install, 'activate')),
    )
  },
  CONFIRM: async (parts, install) => {
    await confirmSlot(parts, install.name, slotFolder(parts, install)).catch((cause: unknown) => {
      throw new ConfirmationFailed(`the new bundle did not take up its work: ${reportError(cause).message}`, {
        remedy: 'The bundle before it runs again. Look at the message, then publish a mended one.',
        cause,
      })
    })
    await parts.slots.commit(install.name)
    await parts.disk.remove(envelopePath(parts, install))
  },
  ROLLBACK: async (parts, install) => {
    const pointer = await parts.slots.pointer(install.name)
    if (pointer?.active.envelopeSha256 !== install.envelopeSha256 || pointer.committed) return
    const back = parts.slots.folder(install.name, pointer.previous?.slot ?? install.slot)
    performedOrThrow(
      await parts.kernel.admit(rollbackPerformer(parts.slots), request(parts, install, 'rollback')),
    )
    // The process may have taken up the new bundle already: it takes up the one before again.
    if (pointer.previous !== null) await confirmSlot(parts, install.name, back).catch(() => undefined)
  },
  REPORT: async (parts, install) => {
    await parts.disk.remove(envelopePath(parts, install))
  },
}

async function smokeSlot(parts: InstallParts, install: Install): Promise<void> {
  const dir = slotFolder(parts, install)
  await parts.smoke(dir, await slotFacts(parts, { name: install.name, dir }))
}

async function confirmSlot(parts: InstallParts, name: string, dir: string): Promise<void> {
  await parts.confirm(dir, await slotFacts(parts, { name, dir }))
}

/** Carries out the state's step and says what came of it. Rejects when the step could not even be judged. */
export async function performStep(
  parts: InstallParts,
  state: InstallState,
  signal: AbortSignal,
): Promise<InstallFact> {
  if (state.kind === 'IDLE' || state.kind === 'COMMITTED' || state.kind === 'DEFERRED')
    return { kind: 'retried' }
  try {
    await EXECUTORS[state.kind](parts, state.install, signal)
    return { kind: 'done' }
  } catch (thrown) {
    if (signal.aborted) throw thrown
    // Backing out has no way back of its own: a failure there stops the install where it is, to be resumed.
    if (state.kind === 'ROLLBACK' || state.kind === 'REPORT') throw thrown
    return factOf(thrown)
  }
}

function factOf(thrown: unknown): InstallFact {
  if (thrown instanceof CentreUnreachable) return { kind: 'postponed', reason: thrown.code }
  if (isFullDisk(thrown)) return { kind: 'postponed', reason: 'disk_full' }
  const { code, message } = reportError(thrown)
  const refusal = thrown instanceof AskRefused ? thrown.report.code : code
  return { kind: 'failed', code: refusal, message }
}

function isFullDisk(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT')
}

async function check(parts: InstallParts, install: Install, signal: AbortSignal): Promise<void> {
  const bytes = await parts.ask('bundle.chunk', chunkRequest(install.envelopeSha256, 0), signal)
  if (bytes.length !== install.envelopeSizeBytes || sha256Hex(bytes) !== install.envelopeSha256)
    throw new ManifestRefused('not_as_named', 'its bytes are not the ones that the desired state names')
  const installed = committedOccupant(await parts.slots.pointer(install.name))
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

/** The manifest that CHECK accepted, from the disk, its signature verified again: a disk is not to be believed either. */
async function heldManifest(
  parts: InstallParts,
  install: Install,
): Promise<{ readonly manifest: BundleManifest; readonly envelope: Uint8Array }> {
  const envelope = await readFile(envelopePath(parts, install))
  if (sha256Hex(envelope) !== install.envelopeSha256)
    throw new ManifestRefused('not_as_named', 'the manifest on the disk is not the one that was checked')
  const opened = openManifest(envelope, parts.trust)
  if (opened.kind === 'refused') throw new ManifestRefused(opened.reason, opened.detail)
  return { manifest: opened.manifest, envelope }
}

function envelopePath(parts: InstallParts, install: Install): string {
  return join(parts.folder, 'envelopes', `${install.envelopeSha256}.json`)
}

function slotFolder(parts: InstallParts, install: Install): string {
  return parts.slots.folder(install.name, install.slot)
}

function request(
  parts: InstallParts,
  install: Install,
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
  const why = answer.kind === 'denied' ? answer.reason : answer.message
  throw new ActivationDenied(`the kernel did not let the slot change: ${why}`, {
    remedy:
      answer.kind === 'failed' ? answer.remedy : 'Permit bundle.activate and bundle.rollback in the policy.',
  })
}
