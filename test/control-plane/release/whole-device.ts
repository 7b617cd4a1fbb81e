/** A device with its real installer and agreement, at a production centre whose releases people sign apart. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openAgreement } from '../../../edge-agent/update/agreement.ts'
import { CentreClock } from '../../../edge-agent/update/centre-clock.ts'
import { openHealth } from '../../../edge-agent/update/health.ts'
import { followDesired, PolicyAcknowledged } from '../../../edge-agent/update/desired.ts'
import type { Installer } from '../../../edge-agent/update/installer.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { openManifest } from '../../../rollout/manifest.ts'
import { sha256Hex } from '../../../shared/digest.ts'
import type { DeviceId } from '../../../shared/ids.ts'
import type { PublicKey } from '../../../shared/signing/ed25519.ts'
import { openLog } from '../../../shared/log.ts'
import { decodeJson, type Ask } from '../../../shared/wire/answer.ts'
import { ReportedStateSchema, type DesiredBundle, type ReportedBundle } from '../../../shared/wire/state.ts'
import { devicePolicy } from '../../support/device-policy.ts'
import type { Apart } from '../../support/signed-apart.ts'

export interface Round {
  readonly hindrances: readonly string[]
  readonly reported: readonly ReportedBundle[]
}

/** What lies between the device and the centre. Each may change, hold back or make up what is answered. */
export interface Between {
  /** Metadata by `repository/name`; null: there is no such file. */
  readonly metadata?: (name: string, bytes: Uint8Array | null) => Uint8Array | null
  readonly ask?: (ask: Ask) => Ask
  readonly alarm?: (afterMs: number) => AbortSignal
}

export interface WholeDevice {
  /** One look at what is wished for. */
  round(wanted: readonly DesiredBundle[], between?: Between): Promise<Round>
  /** The version that runs, every byte of it held against its signed manifest; null for none. */
  version(name: string): Promise<string | null>
}

export async function wholeDevice(
  apart: Apart,
  parts: {
    readonly device: DeviceId
    readonly installer: Installer
    readonly releaseKey: PublicKey
  },
): Promise<WholeDevice> {
  const { stage } = apart
  const { device, installer, releaseKey } = parts
  const health = await openHealth({
    folder: join(apart.heldBy(device), 'health'),
    disk: realDisk,
    clock: stage.clock,
  })
  const policy = devicePolicy(apart.heldBy(device), stage.clock.nowMs())
  return {
    round: async (wanted, { metadata, ask: wrap, alarm } = {}) => {
      let reported: readonly ReportedBundle[] = []
      const files = apart.askOf(device, metadata)
      const answered: Ask = async (verb, request, aborted) => {
        if (verb === 'repository.metadata') return await files(verb, request, aborted)
        if (verb === 'state.report') reported = decodeJson(ReportedStateSchema, request).bundles
        const answer =
          verb === 'state.report'
            ? { v: 1, at: new Date(stage.clock.nowMs()).toISOString() }
            : { v: 1, revision: 1, bundles: wanted, policy: null }
        return new TextEncoder().encode(JSON.stringify(answer))
      }
      const ask = wrap === undefined ? answered : wrap(answered)
      const agreement = openAgreement({
        folder: apart.heldBy(device),
        disk: realDisk,
        ask,
        clock: stage.clock,
        device,
        environment: 'production',
        roots: await apart.repositories.roots(),
        alarm: alarm ?? (() => new AbortController().signal),
      })
      const hindrances = await followDesired(
        {
          ask,
          installer,
          agreement,
          clock: stage.clock,
          centreClock: new CentreClock(),
          acknowledged: new PolicyAcknowledged(),
          log: openLog({ part: 'edge', clock: stage.clock, json: false, write: () => undefined }),
          health,
          shadowed: () => [],
          results: async () => await Promise.resolve(null),
          policy,
        },
        new AbortController().signal,
      )
      return { hindrances, reported }
    },
    version: async (name) => {
      const active = await installer.active(name)
      if (active === null) return null
      const opened = openManifest(await readFile(join(active.dir, 'manifest.dsse.json')), {
        releaseKeys: [releaseKey],
        threshold: 1,
      })
      if (opened.kind === 'refused') throw new Error(opened.detail)
      for (const { path, sha256 } of opened.manifest.files)
        expect(sha256Hex(await readFile(join(active.dir, path))), path).toBe(sha256)
      expect(opened.manifest.version).toBe(active.version)
      return active.version
    },
  }
}
