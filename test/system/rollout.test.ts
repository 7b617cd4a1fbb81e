/**
 * A release to the fleet by the commands alone, on real processes: built, signed, verified, published, approved by another than
 * its author, and taken by a device as a delta; and a bad one that comes back by itself. The clocks of centre and device are
 * hurried, because no campaign is over in less than minutes.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { dataFolder } from '../support/data-folder.ts'
import { BINARY, startUp, starling, type Up } from '../support/starling.ts'

const HURRY = '20'
/** Of the device's rounds and the centre's ticks. */
const HURRY_ONLY_MS = '30000'
/** What a fleet of one device can show in minutes: an install that failed is enough to halt, a few quiet inputs to go on. */
const PLAN = {
  controlShare: 0,
  probationMs: 60_000,
  rings: [{ name: 'all', share: 1, dwellMs: 5 * 60_000 }],
  bakeMs: 60_000,
  shadow: { inputs: 9, windowInputs: 1 },
  gates: [
    gate('install', { kind: 'limit', rate: 0.05, ceiling: 0.9 }),
    gate('crash', { kind: 'failure', ratio: 2, ceiling: 0.9 }),
    gate('shadow', { kind: 'shadow', margin: 0.4 }),
  ],
}

function gate(name: string, test: object): object {
  const errors = { alpha: 0.14, beta: 0.5 }
  return { name, test, ...errors, minimumDevices: 1, staleAfterMs: 48 * 3_600_000, maximumMissing: 0.1 }
}

let folder: Awaited<ReturnType<typeof dataFolder>>
let up: Up
beforeAll(async () => {
  folder = await dataFolder('rollout')
  const clock = new URL('test/support/hurried-clock.mjs', packageRoot()).href
  up = await startUp(at('home'), [], { NODE_OPTIONS: `--import=${clock}`, HURRY, HURRY_ONLY_MS })
  for (const part of ['hub', 'edge']) {
    const { pid } = JSON.parse(readFileSync(at('home', 'run', `${part}.json`), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGUSR2')
  }
  writeFileSync(at('plan.json'), JSON.stringify(PLAN))
  await run('keys', 'new', '--out', at('anna'))
  await run('keys', 'new', '--out', at('release'))
  await run('keys', 'new', '--scheme', 'ecdsa-sha2-nistp256', '--out', at('model'))
  await run('registry', 'person', 'add', 'anna', '--key', at('anna.pub'))
  await run('registry', 'person', 'access', 'anna', '--out', at('anna.token'))
}, 300_000)
afterAll(async () => {
  await up.stop()
  await folder.remove()
})

const at = (...names: string[]): string => join(folder.path, ...names)

/** A command that has to do what it was asked; its JSON. */
async function run(...words: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await starling([...words, '--data', at('home'), '--json'])
  expect(code, `starling ${words.join(' ')}\n${out}${err}`).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

const CARD = JSON.parse(readFileSync(new URL('card.json', MODEL_FOLDERS.intent), 'utf8')) as {
  version: string
}
/** The releases that come after the shipped model, whichever that is. */
const [GOOD, BAD] = [1, 2].map((on) => {
  const [major, minor] = CARD.version.split('.').map(Number)
  return `${major}.${(minor ?? 0) + on}.0`
}) as [string, string]

/** The shipped intent model with some of its bytes changed, built, signed, verified and published by command. */
async function release(version: string, changed: (bytes: Buffer) => void): Promise<void> {
  const source = at(`source-${version}`)
  const built = at(`intent-${version}`)
  cpSync(fileURLToPath(MODEL_FOLDERS.intent), source, { recursive: true })
  mkdirSync(join(source, 'domains'))
  const domain = join(fileURLToPath(MODEL_FOLDERS.domains), 'field-service.yaml')
  cpSync(domain, join(source, 'domains', 'field-service.yaml'))
  const model = readFileSync(join(source, 'intent.onnx'))
  changed(model)
  writeFileSync(join(source, 'intent.onnx'), model)
  await run('bundle', 'build', source, '--name', 'intent', '--as-version', version, '--out', built)
  await run('bundle', 'sign', built, '--key', at('release'), '--key', at('model'))
  const keys = ['release.pub', 'model.pub'].flatMap((key) => ['--key', at(key)])
  await run('bundle', 'verify', built, ...keys)
  await run('bundle', 'publish', built, '--name', 'intent')
}

interface Seen {
  readonly phase: string
  readonly stragglers: readonly { readonly stands: string }[]
  readonly decisions: readonly { readonly kind: string; readonly by?: string }[]
}

/** Creates and approves a campaign, and follows it until it is over; `changed` is told of every change on the way. */
async function rollOut(
  campaign: string,
  version: string,
  changed: (seen: Seen) => Promise<void>,
): Promise<{ readonly last: Seen; readonly code: number | null }> {
  const words = ['--bundle', 'intent', '--bundle-version', version, '--emergency', '--plan', at('plan.json')]
  expect(await run('rollout', 'create', campaign, ...words)).toMatchObject({ phase: 'awaiting_approval' })
  await run('rollout', 'approve', campaign, '--key', at('anna'), '--as', at('anna.token'))
  const watch = [BINARY, 'rollout', 'watch', campaign, '--data', at('home'), '--json']
  const child = spawn(process.execPath, watch, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let last: Seen | null = null
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as Seen
    await changed(last)
  }
  const code = await ended
  if (last === null) throw new Error('the campaign was never seen')
  return { last, code }
}

async function speak(): Promise<void> {
  const body = JSON.stringify({ text: 'open work order seven' })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(new URL('/v1/understand', up.technician), { method: 'POST', headers, body })
  expect(answer.status).toBe(200)
  await answer.arrayBuffer()
}

async function bundleOnDevice(): Promise<Record<string, unknown> | undefined> {
  const { agent } = (await run('status')) as {
    agent: { installs: readonly Record<string, unknown>[] }
  }
  return agent.installs.find(({ name }) => name === 'intent')
}

describe('a release by command', () => {
  it('reaches a device as a delta, is tried beside what runs, confirmed, and the campaign is complete', async () => {
    await release(GOOD, (bytes) => {
      for (let place = 100_000; place < 300_000; place += 5_003) bytes[place] = (bytes[place] ?? 0) ^ 1
    })
    const { last, code } = await rollOut('spring', GOOD, async () => await speak())
    expect([last.phase, code]).toEqual(['complete', 0])
    const bundle = (await bundleOnDevice()) as {
      version: string
      state: string
      transfer: { moveBytes: number; fullBytes: number }
    }
    expect(bundle).toMatchObject({ version: GOOD, state: 'committed' })
    expect(bundle.transfer.moveBytes * 10).toBeLessThan(bundle.transfer.fullBytes)
  }, 300_000)

  it('that is bad halts by itself, and the device runs the last good one as if nothing had been', async () => {
    await release(BAD, (bytes) => {
      for (let place = 100_000; place < 300_000; place += 3) bytes[place] = (bytes[place] ?? 0) ^ 0x5a
    })
    const { last, code } = await rollOut('summer', BAD, async () => await speak())
    expect([last.phase, code]).toEqual(['halted', 1])
    expect(last.decisions.findLast(({ kind }) => kind === 'halted')).toMatchObject({ by: 'gates' })
    expect((await run('status')) as object).toMatchObject({
      agent: { models: [{}, { name: `starling-intent-en-${GOOD}` }] },
    })
    await speak()
  }, 300_000)
})
