/** A site with several agents on one leaf, as the commands start them: one keeps the leaf, the others join it, and one link carries all. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../shared/fabric/free-port.ts'
import { dataFolder } from '../support/data-folder.ts'
import { BINARY, starling } from '../support/starling.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
const running: ChildProcess[] = []
beforeAll(async () => {
  folder = await dataFolder('one-leaf')
})
afterAll(async () => {
  for (const child of running.toReversed()) {
    if (child.exitCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'close')
  }
  await folder.remove()
})

const at = (name: string): string[] => ['--data', join(folder.path, name)]

/** Starts a part and resolves with what it says first: that it is ready, or why not. */
async function part(...args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [BINARY, ...args, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] })
  running.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as Record<string, unknown>
}

async function joining(name: string, hub: string): Promise<string[]> {
  const token = await starling(['token', ...at('centre'), '--device', name, '--site', 'north'])
  const file = join(folder.path, `${name}-token`)
  writeFileSync(file, token.out)
  return [...at(name), '--hub', hub, '--token-file', file, '--device', name, '--site', 'north']
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await starling([...args, '--json'])
  expect(code, `${args.join(' ')}\n${out}${err}`).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

const free = ['--page-port', '0']

it('joins devices to the leaf that another keeps: models, context and records go by its one link', async () => {
  const hub = await part('hub', ...at('centre'), '--port', '0', '--nats-port', '0', '--leaf-port', '0')
  const leafPort = String(await freePort(0))
  const keeper = await joining('keeper', String(hub['http']))
  expect(await part('edge', ...keeper, ...free, '--site-leaf-port', leafPort)).toMatchObject({ ready: true })
  for (const name of ['second', 'third']) {
    const words = await joining(name, String(hub['http']))
    const edge = await part('edge', ...words, ...free, '--join-leaf', `127.0.0.1:${leafPort}`)
    expect(edge).toMatchObject({ ready: true, device: name })
    const { agent } = (await json('status', ...at(name))) as {
      agent: { link: string; models: readonly unknown[]; installs: readonly { state: string }[] }
    }
    expect(agent).toMatchObject({ link: 'up', models: [{}, {}] })
    expect(agent.installs.map(({ state }) => state)).toEqual(['committed', 'committed'])
    expect(await json('context', 'verify', ...at(name))).toMatchObject({ holds: true })
    await json('understand', 'next step', ...at(name))
    // It keeps nothing of a site: no server, no cache.
    expect(readdirSync(join(folder.path, name, 'edge'))).not.toContain('site-cache')
    expect(readdirSync(join(folder.path, name, 'edge'))).not.toContain('nats')
  }
  expect(readdirSync(join(folder.path, 'keeper', 'edge', 'site-cache')).length).toBeGreaterThan(20)
  const carried = JSON.parse(readFileSync(join(folder.path, 'keeper', 'edge', 'site-leaf.json'), 'utf8')) as {
    devices: string[]
  }
  expect(carried.devices).toEqual(['keeper', 'second', 'third'])
}, 400_000)

it('says so where no leaf lets it in', async () => {
  const words = await joining('fourth', 'http://127.0.0.1:9')
  const alone = await starling(['edge', '--json', ...words, ...free, '--join-leaf', 'nowhere'])
  expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('127.0.0.1:7522') as string])
})
