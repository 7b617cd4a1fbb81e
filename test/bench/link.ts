/**
 * What a device costs its link, on real processes with a counting proxy between leaf and hub: bytes of an idle hour, and of a spoken
 * turn until the centre has it and the device its receipt.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { dataFolder } from '../support/data-folder.ts'
import { spoken } from '../support/sounds.ts'
import { BINARY, starling } from '../support/starling.ts'
import { openProxy, type Proxy } from '../fabric/proxy.ts'
import type { BenchOptions, BenchReport } from './report.ts'

const HOUR_S = 3_600
/** Until what a start sends is sent. */
const SETTLE_MS = 60_000
const IDLE_S = 120
const TURNS = 20
/** A gigabyte in a month of idling, as cheap mobile contracts have it. */
const IDLE_GOAL_BYTES = 1_388_000
/** Of what the voice itself would take. */
const TURN_GOAL_SHARE = 0.5

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const folder = await dataFolder('bench-link')
  const proxy = await openProxy()
  const running: ChildProcess[] = []
  try {
    const world = await begin(folder.path, proxy, running)
    progress(`settling for ${SETTLE_MS / 1_000} s`)
    await delay(SETTLE_MS)
    const idleS = limit === undefined ? IDLE_S : Number(limit)
    progress(`idle for ${idleS} s`)
    const idle = await bytesOf(proxy, async () => await delay(idleS * 1_000))
    progress(`${TURNS} turns`)
    const turns = await bytesOf(proxy, async () => await speak(world))
    return {
      bench: 'link',
      rows: [
        {
          name: 'bytes over the link in an idle hour, both ways',
          value: Math.round((idle.all / idleS) * HOUR_S),
          unit: 'bytes',
          goal: { op: '<=', value: IDLE_GOAL_BYTES },
        },
        { name: 'of them up', value: Math.round((idle.up / idleS) * HOUR_S), unit: 'bytes' },
        {
          name: 'bytes of a turn with its records, receipts and changes (baseline: its sound)',
          value: Math.round(turns.all / TURNS),
          unit: 'bytes',
          baseline: spoken('log').length,
          goal: { op: '<=', value: Math.round(TURN_GOAL_SHARE * spoken('log').length) },
        },
        { name: 'of them up', value: Math.round(turns.up / TURNS), unit: 'bytes' },
      ],
    }
  } finally {
    for (const child of running.toReversed()) {
      if (child.exitCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'close')
    }
    await proxy.close()
    await folder.remove()
  }
}

interface World {
  /** The agent's address. */
  readonly page: string
}

async function begin(folder: string, proxy: Proxy, running: ChildProcess[]): Promise<World> {
  const part = async (args: readonly string[]): Promise<Record<string, string>> => {
    const child = spawn(process.execPath, [BINARY, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    running.push(child)
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return JSON.parse(line) as Record<string, string>
  }
  const at = (name: string): string[] => ['--data', join(folder, name)]
  const hub = await part(['hub', ...at('centre'), '--port', '0', '--nats-port', '0', '--leaf-port', '0'])
  const token = join(folder, 'token')
  writeFileSync(
    token,
    (await starling(['token', ...at('centre'), '--device', 'van-7', '--site', 'north'])).out,
  )
  const joining = ['--hub', hub['http'] ?? '', '--token-file', token, '--device', 'van-7', '--site', 'north']
  const free = ['--page-port', '0', '--site-leaf-port', '0']
  await part(['edge', ...at('van'), ...joining, ...free])
  const first = running.at(-1)
  first?.kill('SIGTERM')
  if (first !== undefined) await once(first, 'close')
  // The device knows the hub by one address, which from now on is the proxy's.
  const identity = join(folder, 'van/edge/identity.json')
  const stored = JSON.parse(readFileSync(identity, 'utf8')) as { answer: { leafUrl: string } }
  const url = new URL(stored.answer.leafUrl)
  proxy.setTarget(Number(url.port))
  stored.answer.leafUrl = stored.answer.leafUrl.replace(url.host, proxy.address)
  writeFileSync(identity, JSON.stringify(stored))
  const edge = await part(['edge', ...at('van'), ...free])
  return { page: edge['http'] ?? '' }
}

async function bytesOf(
  proxy: Proxy,
  work: () => Promise<void>,
): Promise<{ readonly all: number; readonly up: number }> {
  const before = proxy.passed()
  await work()
  const after = proxy.passed()
  const up = after.up - before.up
  return { all: up + after.down - before.down, up }
}

/** Turns, until everything of them is at the centre. */
async function speak({ page }: World): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const body = new Uint8Array(spoken('log'))
    await (await fetch(new URL('/v1/turns', page), { method: 'POST', body })).arrayBuffer()
  }
  for (;;) {
    const status = (await (await fetch(new URL('/v1/status', page))).json()) as {
      outbox: { pending: number }
      writes: { pending: number }
    }
    if (status.outbox.pending === 0 && status.writes.pending === 0) return
    await delay(100)
  }
}
