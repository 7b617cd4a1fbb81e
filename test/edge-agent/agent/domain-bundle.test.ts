/** A domain on its way to a running device: signed, fetched, admitted by the real kernel, and understood by the next utterance. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listRecords } from '../../../edge-agent/audit/record-views.ts'
import { openDomainShelf } from '../../../edge-agent/agent/domain-shelf.ts'
import { openModels, type Models } from '../../../edge-agent/agent/models.ts'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { smokeInChild } from '../../../edge-agent/trial/smoke.ts'
import { openInstaller, type Installer, type InstallOutcome } from '../../../edge-agent/update/installer.ts'
import { wavSource } from '../../../edge-agent/turn/wav-source.ts'
import { systemClock } from '../../../shared/clock.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { governed, type Governed } from '../../support/governed.ts'
import { shippedIntentFolder } from '../intent/intent-bundle.ts'
import { LAMPS, openWorkshop, type Workshop } from '../domain-build/lamps.ts'
import { publisher, type Publisher } from '../update/publisher.ts'

const key = generateKeyPair()
const signal = new AbortController().signal
const NIGHT = LAMPS.replace('domain: lamps', 'domain: night').replace('make it dark', 'good night')

let at: Governed
let shop: Workshop
let intentDir: string
let models: Models
let installer: Installer
let centre: Publisher
let lamps: Readonly<Record<string, Uint8Array>>
let night: Readonly<Record<string, Uint8Array>>

beforeAll(async () => {
  at = await governed()
  shop = openWorkshop()
  const build = async (name: string, text: string) =>
    Object.fromEntries((await shop.build(shop.write(`${name}.yaml`, text))).files)
  lamps = await build('lamps', LAMPS)
  night = await build('night', NIGHT)
  intentDir = shippedIntentFolder()
  models = openModels({ clock: systemClock, signal, speechThreads: 1, voiceModel: () => null })
  await models.relearn({ assets: [], parts: [], workOrders: ['427'] })
  await models.use(fileURLToPath(MODEL_FOLDERS.speech))
  await models.use(intentDir)
  centre = publisher(key)
  installer = await openInstaller({
    folder: join(shop.folder, 'store'),
    disk: realDisk,
    ask: centre.ask,
    kernel: at.kernel,
    principal: { kind: 'device', id: 'device-1', roles: ['device'] },
    clock: systemClock,
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
    alarm: (afterMs) => AbortSignal.timeout(afterMs),
    trials: {
      smoke: async (dir, facts, stop) => void (await smokeInChild({ dir, facts }, { signal: stop })),
      shadow: null,
      confirm: async (dir, facts) => await models.use(dir, facts),
      healthy: async () => await Promise.resolve(),
    },
  })
}, 120_000)
afterAll(async () => {
  await models.close()
  await at.close()
  shop.close()
  rmSync(intentDir, { recursive: true })
})

const install = async (
  files: Readonly<Record<string, Uint8Array>>,
  about: { readonly name: string; readonly version?: string; readonly day: number },
): Promise<InstallOutcome> =>
  await installer.install(
    centre.publish(files, {
      name: about.name,
      kind: 'domain',
      version: about.version ?? '1.0.0',
      createdAt: `2026-01-0${about.day}T00:00:00.000Z`,
    }),
    signal,
  )
const meant = async (text: string): Promise<string> =>
  (
    await models
      .mind()
      .understand({ text: text, confidence: 1, alternatives: [], before: null, context: null })
  ).intent
const heard = async (): Promise<string> => {
  const wav = readFileSync(new URL('edge-agent/cli/demo/audio/open.wav', packageRoot()))
  return (await models.ears().listen(wavSource(wav), { onPartial: () => undefined, signal })).text
}

describe('a domain bundle', () => {
  test('is what the next utterance is heard and understood by, without a restart', async () => {
    expect(models.domain()).toBe('field-service')
    expect(await heard()).toMatch(/^open work order/)
    expect(await meant('switch on the galley light')).not.toBe('lamp.on')
    expect(await install(lamps, { name: 'domain-lamps', day: 2 })).toMatchObject({ kind: 'committed' })
    expect(models.domain()).toBe('lamps')
    expect(await meant('switch on the galley light')).toBe('lamp.on')
    expect(models.mind().thresholdsOf('lamp.dim')).toEqual({ act: 0.95, ask: null })
    expect(await heard()).not.toMatch(/work order/)
    const records = await listRecords(at.journal, 50)
    expect(records.filter(({ summary }) => summary.includes('bundle.activate'))).not.toHaveLength(0)
  })

  test('that was published later comes before, and one that was published earlier does not', async () => {
    await install(night, { name: 'domain-night', day: 4 })
    expect(models.domain()).toBe('night')
    expect(await meant('good night')).toBe('lamp.off')
    await install(lamps, { name: 'domain-lamps', version: '1.1.0', day: 3 })
    expect(models.domain()).toBe('night')
    // In the order in which a start takes them up.
    const active = await installer.activeOf('domain')
    expect(active.map(({ name, version }) => [name, version])).toEqual([
      ['domain-lamps', '1.1.0'],
      ['domain-night', '1.0.0'],
    ])
  })

  test('goes on when the intent bundle is replaced', async () => {
    await models.use(intentDir)
    expect(models.domain()).toBe('night')
    expect(await meant('good night')).toBe('lamp.off')
  })

  test('whose graph is not that of its file is refused, and the one before goes on', async () => {
    const outcome = await install(
      { ...night, 'graph.json.br': lamps['graph.json.br'] ?? new Uint8Array() },
      { name: 'domain-night', version: '1.2.0', day: 6 },
    )
    expect(outcome).toMatchObject({ kind: 'refused', step: 'SMOKE', code: 'smoke_failed' })
    expect(await meant('good night')).toBe('lamp.off')
  })

  test('can be named beside the one that runs, for one call', async () => {
    const shelf = openDomainShelf({ models, installer, builtDir: shop.folder })
    const { mind } = await shelf.take('lamps')
    expect(
      (
        await mind.understand({
          text: 'make it dark',
          confidence: 1,
          alternatives: [],
          before: null,
          context: null,
        })
      ).intent,
    ).toBe('lamp.off')
    expect(
      (
        await (
          await shelf.take('lamps')
        ).mind.understand({
          text: 'good night',
          confidence: 1,
          alternatives: [],
          before: null,
          context: null,
        })
      ).intent,
    ).not.toBe('lamp.off')
    expect(
      (
        await (
          await shelf.take(null)
        ).mind.understand({
          text: 'good night',
          confidence: 1,
          alternatives: [],
          before: null,
          context: null,
        })
      ).intent,
    ).toBe('lamp.off')
    expect(models.domain()).toBe('night')
    await expect(shelf.take('nowhere')).rejects.toMatchObject({ code: 'domain_unknown' })
    await expect(shelf.take('../lamps')).rejects.toMatchObject({ code: 'domain_unknown' })
  })
})
