/** A device that installs bundles from a publisher in memory, on a real folder. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, onTestFinished } from 'vitest'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import {
  openInstaller,
  type Installer,
  type InstallerParts,
  type Trials,
} from '../../../edge-agent/update/installer.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { permittingKernel } from './permitting-kernel.ts'
import { publisher, type Publisher } from './publisher.ts'

const key = generateKeyPair()
export const signal = new AbortController().signal
export const NOW_MS = Date.parse('2026-06-01T00:00:00.000Z')
const big = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 600_000 }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff)
export const one = { 'speech/model.onnx': big(1), 'intent/model.onnx': big(2).subarray(0, 5_000) }
export const two = { 'speech/model.onnx': big(3), 'intent/model.onnx': big(2).subarray(0, 5_000) }

export type Files = Readonly<Record<string, Uint8Array>>
/** As large as it takes to have two pieces, for tests that install again and again. */
export const small = (seed: number): typeof one => ({
  'speech/model.onnx': big(seed).subarray(0, 270_000),
  'intent/model.onnx': one['intent/model.onnx'],
})

/** True where the folder holds just these bytes under each of these names. */
export async function holdsWhole(dir: string, files: Files): Promise<boolean> {
  const held = await Promise.all(
    Object.entries(files).map(async ([path, bytes]) => {
      const found = await readFile(join(dir, path)).catch(() => null)
      return found !== null && found.equals(bytes)
    }),
  )
  return held.length > 0 && held.every(Boolean)
}

/** Keeps a folder as it is now until the test ends; returns what puts it back, again and again. */
export async function keptFolder(folder: string): Promise<() => Promise<void>> {
  const kept = `${folder}-kept`
  await cp(folder, kept, { recursive: true })
  onTestFinished(async () => await rm(kept, { recursive: true, force: true }))
  return async () => {
    await rm(folder, { recursive: true, force: true })
    await cp(kept, folder, { recursive: true })
  }
}

export interface Stage {
  readonly folder: string
  readonly centre: Publisher
  device(
    change?: Partial<Omit<InstallerParts, 'trials'>> & { readonly trials?: Partial<Trials> },
    disk?: Disk,
  ): Promise<Installer>
}

/** Fresh before each test. */
export function updateStage(): Stage {
  let folder = ''
  let centre = publisher(key)
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'starling-update-'))
    centre = publisher(key)
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })
  return {
    get folder() {
      return folder
    },
    get centre() {
      return centre
    },
    device: async ({ trials, ...change } = {}, disk = realDisk) =>
      await openInstaller({
        folder,
        disk,
        ask: centre.ask,
        kernel: permittingKernel(),
        principal: { kind: 'process', id: 'updater', roles: ['updater'] },
        clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 },
        trust: {
          releaseKeys: [key.publicKey],
          threshold: 1,
          environment: 'development',
          runtimeVersion: '0.1.0',
        },
        site: null,
        onPoisoned: () => undefined,
        onDamaged: () => undefined,
        link: () => ({ linkClass: 'unmetered' }),
        alarm: () => new AbortController().signal,
        trials: {
          smoke: async (dir) => {
            await readFile(join(dir, 'speech/model.onnx'))
          },
          shadow: null,
          confirm: async (dir) => {
            await readFile(join(dir, 'manifest.dsse.json'))
          },
          healthy: async (dir) => {
            await readFile(join(dir, 'intent/model.onnx'))
          },
          ...trials,
        },
        ...change,
      }),
  }
}
