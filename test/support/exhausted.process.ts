/**
 * `node exhausted.process.js FOLDER`, under a small `ulimit -n`: a device installs a bundle, then every descriptor that the process may
 * have is taken, and it is started, asked for an update, and has its files held against their names. Prints what came of each as
 * one line of JSON, then of the same once the descriptors are given back.
 */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { contentFault, openContentStore } from '../../edge-agent/models-store/content-store.ts'
import { realDisk } from '../../edge-agent/models-store/disk.ts'
import { openSlots } from '../../edge-agent/models-store/slots.ts'
import { openInstaller } from '../../edge-agent/update/installer.ts'
import { measuredFile } from '../../rollout/bundle/compose.ts'
import { reportError } from '../../shared/errors.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { permittingKernel } from '../edge-agent/update/permitting-kernel.ts'
import { publisher } from '../edge-agent/update/publisher.ts'

const folder = process.argv[2] ?? ''
const key = generateKeyPair()
const centre = publisher(key)
const { signal } = new AbortController()
const bytes = new Uint8Array(5_000).fill(7)
const files = { 'speech/model.onnx': bytes, 'intent/model.onnx': new Uint8Array(900).fill(3) }
const damaged: string[] = []
const nothing = async (): Promise<void> => await Promise.resolve()
const installer = await openInstaller({
  folder,
  disk: realDisk,
  ask: centre.ask,
  kernel: permittingKernel(),
  principal: { kind: 'process', id: 'updater', roles: ['updater'] },
  clock: { nowMs: () => Date.parse('2026-06-01T00:00:00.000Z'), monotonicMs: () => 0 },
  trust: {
    releaseKeys: [key.publicKey],
    threshold: 1,
    environment: 'development',
    runtimeVersion: '0.1.0',
  },
  site: null,
  onPoisoned: () => undefined,
  onDamaged: ({ message }) => void damaged.push(message),
  link: () => ({ linkClass: 'unmetered' }),
  alarm: () => new AbortController().signal,
  trials: { smoke: nothing, shadow: null, confirm: nothing, healthy: nothing },
})
const outcome = await installer.install(centre.publish(files), signal)
const update = centre.publish(
  { ...files, 'speech/model.onnx': new Uint8Array(5_000).fill(8) },
  { version: '1.1.0' },
)
const name = measuredFile('speech/model.onnx', bytes)
const store = openContentStore(join(folder, 'content'), realDisk)
const slots = openSlots(join(folder, 'slots'), store, realDisk)
const objectPath = (await store.find(name)) ?? ''

async function said(work: () => Promise<unknown>): Promise<unknown> {
  return await work().catch((thrown: unknown) => reportError(thrown).code)
}

async function all(): Promise<object> {
  return {
    fault: await said(async () => await contentFault(objectPath, name)),
    verify: await said(async () => await store.verify(name)),
    pointer: await said(async () => (await slots.pointer('models'))?.active.version ?? null),
    resume: await said(async () => await installer.resume(signal)),
    update: await said(async () => await installer.install(update, signal)),
    active: await said(async () => (await installer.active('models'))?.version ?? null),
    damaged: damaged.length,
  }
}

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // That was the last one.
}
const exhausted = await all()
for (const descriptor of taken) closeSync(descriptor)
process.stdout.write(`${JSON.stringify({ outcome: outcome.kind, taken: taken.length, exhausted })}\n`)
process.stdout.write(`${JSON.stringify(await all())}\n`)
