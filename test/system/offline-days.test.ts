/** Seventy-two hours of a device without its centre, on real processes whose clocks are moved on: everything works, and nothing is lost. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TurnResult } from '../../edge-agent/turn/result.ts'
import { dataFolder } from '../support/data-folder.ts'
import { spoken } from '../support/sounds.ts'
import { BINARY, starling } from '../support/starling.ts'

const STEP_HOURS = 12
const OFFLINE_HOURS = 72
const ROUNDS = OFFLINE_HOURS / STEP_HOURS
const support = (file: string): string => new URL(`../support/${file}`, import.meta.url).href

let folder: Awaited<ReturnType<typeof dataFolder>>
const running: ChildProcess[] = []
const at = (name: string): string[] => ['--data', join(folder.path, name)]

interface Part {
  readonly child: ChildProcess
  readonly ready: Readonly<Record<string, unknown>>
}

async function part(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Part> {
  const child = spawn(process.execPath, [BINARY, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  })
  running.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const ready = JSON.parse(line) as Record<string, unknown>
  expect(ready).toMatchObject({ ready: true })
  return { child, ready }
}

async function stop({ child }: Part): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

beforeAll(async () => {
  folder = await dataFolder('offline-days')
})
afterAll(async () => {
  for (const child of running.toReversed()) await stop({ child, ready: {} })
  await folder.remove()
})

interface Agent {
  readonly link: string
  readonly outbox: { readonly pending: number }
  readonly writes: { readonly pending: number }
  readonly policy: { readonly strict: boolean }
}

async function agent(): Promise<Agent> {
  return (JSON.parse((await starling(['status', '--json', ...at('van')])).out) as { agent: Agent }).agent
}

describe('a device without its centre for seventy-two hours', { timeout: 300_000 }, () => {
  it('hears, understands, guides, remembers, decides and records all the while, and brings all of it when the centre is back', async () => {
    const ports = ['--port', '--nats-port', '--leaf-port'].flatMap((name) => [name, '0'])
    const hub = await part(['hub', ...at('centre'), ...ports])
    const token = await starling(['token', ...at('centre'), '--device', 'van-7', '--site', 'north'])
    const tokenFile = join(folder.path, 'token')
    writeFileSync(tokenFile, token.out)
    const joining = [
      '--hub',
      String(hub.ready['http']),
      '--token-file',
      tokenFile,
      '--device',
      'van-7',
      '--site',
      'north',
    ]
    const edge = await part(['edge', ...at('van'), ...joining, '--page-port', '0', '--site-leaf-port', '0'], {
      NODE_OPTIONS: `--import=${support('jumping-clock.mjs')}`,
      JUMP_HOURS: String(STEP_HOURS),
    })
    const page = String(edge.ready['http'])
    // The agent is a process of the part's own.
    const run = JSON.parse(readFileSync(join(folder.path, 'van/run/edge.json'), 'utf8')) as { pid: number }
    expect((await starling(['context', 'verify', '--json', ...at('van')])).code).toBe(0)
    await stop(hub)
    await expect.poll(async () => (await agent()).link, { timeout: 30_000 }).not.toBe('up')

    const say = async (what: Parameters<typeof spoken>[0]): Promise<TurnResult> => {
      const body = new Uint8Array(spoken(what))
      const answer = await fetch(new URL('/v1/turns', page), { method: 'POST', body })
      expect(answer.status).toBe(200)
      return (await answer.json()) as TurnResult
    }
    const done: string[] = []
    for (let round = 0; round < ROUNDS; round++) {
      process.kill(run.pid, 'SIGUSR2')
      // Guidance: the order's first step is said. Memory: what the note says is kept until the yes, two turns apart.
      const opened = await say('open')
      expect(opened.outcome).toMatchObject({
        kind: 'done',
        say: expect.stringMatching(/Step 1 of/) as string,
      })
      const logged = await say('log')
      expect(logged.outcome.kind).toBe('done')
      expect((await say('note')).outcome.kind).toBe('question')
      const noted = await say('yes')
      expect(noted.outcome.kind).toBe('done')
      for (const turn of [opened, logged, noted]) done.push(turn.turn)
      // Policy: it is in force, and what is not sure becomes a person's.
      expect((await say('unclear')).outcome.kind).toBe('inbox')
      // What the device knows is found, and says how old it may be.
      const asked = await fetch(new URL('/v1/context/search', page), {
        method: 'POST',
        body: JSON.stringify({ words: 'feed water pump' }),
      })
      expect(Number(asked.headers.get('starling-context-staleness-ms'))).toBeGreaterThan(
        round * STEP_HOURS * 3_600_000,
      )
      expect(((await asked.json()) as { found: unknown[] }).found.length).toBeGreaterThan(0)
    }
    const standing = await agent()
    expect(standing.policy.strict).toBe(false)
    expect(standing.outbox.pending).toBeGreaterThan(ROUNDS * 10)
    const own = await starling(['audit', 'verify', '--json', ...at('van')])
    expect([own.code, JSON.parse(own.out)]).toMatchObject([0, { holds: true }])

    const centre = await part(['hub', ...at('centre'), ...ports], {
      NODE_OPTIONS: `--import=${support('shifted-clock.mjs')}`,
      SHIFT_CLOCK_DAYS: String(OFFLINE_HOURS / 24),
    })
    await expect
      .poll(
        async () => {
          const { outbox, writes } = await agent()
          return [outbox.pending, writes.pending]
        },
        { timeout: 90_000 },
      )
      .toEqual([0, 0])
    const authorization = `Bearer ${readFileSync(String(centre.ready['operatorToken']), 'utf8')}`
    const api = async (path: string): Promise<unknown> =>
      await (await fetch(new URL(path, String(centre.ready['http'])), { headers: { authorization } })).json()
    expect(await api('/api/verification/van-7')).toMatchObject({ holds: true })
    expect(new Set(done).size).toBe(3 * ROUNDS)
    // Each effect once, on both sides: the copy is the centre's to the digest.
    const rows = async (table: string): Promise<number> => {
      const asked = await starling(['context', 'query', table, '--json', '--limit', '500', ...at('van')])
      return (JSON.parse(asked.out) as { rows: unknown[] }).rows.length
    }
    expect(await rows('reading')).toBe(ROUNDS)
    expect(await rows('note')).toBe(ROUNDS)
    const verified = await starling(['context', 'verify', '--json', ...at('van')])
    expect([verified.code, JSON.parse(verified.out)]).toMatchObject([0, { holds: true }])
  })
})
