/** A change of the policy while everything runs: the real command, a real centre, real devices as processes. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyDocument } from '../../shared/policy/policy.ts'
import { dataFolder } from '../support/data-folder.ts'
import { BINARY, starling, startUp, type Up } from '../support/starling.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
let up: Up
beforeAll(async () => {
  folder = await dataFolder('policy')
  up = await startUp(at('home')[1] ?? '')
})
afterAll(async () => {
  await up.stop()
  await folder.remove()
})

const at = (name: string): string[] => ['--data', join(folder.path, name)]

/** What a command answers, whatever its exit code. */
async function said(...args: string[]): Promise<{ readonly code: number | null; readonly json: never }> {
  const { code, out } = await starling([...args, '--json'])
  return { code, json: JSON.parse(out) as never }
}

async function inForce(): Promise<PolicyDocument> {
  return ((await said('policy', 'show', ...at('home'))).json as { policy: PolicyDocument }).policy
}

/** The next policy, changed, in a file. */
async function next(change: Partial<PolicyDocument>): Promise<string> {
  const held = await inForce()
  const path = join(folder.path, 'policy.json')
  writeFileSync(path, JSON.stringify({ ...held, version: held.version + 1, ...change }, null, 2))
  return path
}

async function followed(version: number, devices: number): Promise<void> {
  await expect
    .poll(async () => (await said('policy', 'status', ...at('home'))).json, { timeout: 20_000 })
    .toMatchObject({ version, devices, following: devices, refusing: 0, waiting: [] })
}

const agentOf = async (name: string): Promise<object> =>
  ((await said('status', ...at(name))).json as { agent: { policy: object } }).agent.policy

/** A second device; resolves when it is ready. */
async function van(joining: readonly string[] = []): Promise<ChildProcess> {
  const ports = ['--page-port', '0', '--site-leaf-port', '0']
  const child = spawn(process.execPath, [BINARY, 'edge', ...at('van'), ...joining, ...ports, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  expect(JSON.parse(line)).toMatchObject({ ready: true })
  return child
}

async function stopped(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'close')
}

describe('a policy that is published while all runs', () => {
  it('is in force on the device without a restart, acknowledged, recorded, and survives the centre’s next start', async () => {
    await followed(1, 1)
    const sentence = ['understand', 'next step', ...at('home')]
    expect((await said(...sentence)).code).toBe(0)
    const held = await inForce()
    const deny: PolicyDocument['rules'][number] = {
      id: 'no-models',
      effect: 'deny',
      actions: ['model.understand'],
      roles: ['*'],
      whenExpired: true,
    }
    const rules = [...held.rules, deny]
    const published = await said('policy', 'publish', await next({ rules }), ...at('home'))
    expect([published.code, published.json]).toMatchObject([0, { version: 2, approvers: [] }])
    await followed(2, 1)
    expect(await agentOf('home')).toMatchObject({ version: 2, strict: false })
    const denied = await said(...sentence)
    expect([denied.code, JSON.stringify(denied.json)]).toEqual([
      1,
      expect.stringContaining('no-models') as string,
    ])
    const records = await fetch(new URL('/api/journal', up.centre), {
      headers: { authorization: `Bearer ${readFileSync(up.operatorToken, 'utf8')}` },
    })
    expect(await records.text()).toContain('"policy.publish"')
    await up.stop()
    up = await startUp(at('home')[1] ?? '')
    expect((await inForce()).rules).toHaveLength(rules.length)
    await followed(2, 1)
  }, 240_000)

  it('is taken by a device that was away, on its return', async () => {
    const token = await starling(['token', ...at('home'), '--device', 'van-7', '--site', 'south'])
    const tokenFile = join(folder.path, 'token')
    writeFileSync(tokenFile, token.out)
    const joining = ['--hub', up.centre, '--token-file', tokenFile, '--device', 'van-7', '--site', 'south']
    const away = await van(joining)
    const { version } = await inForce()
    await followed(version, 2)
    await stopped(away)
    const thresholds = { act: 0.9, ask: 0.5 }
    const published = await said('policy', 'publish', await next({ thresholds }), ...at('home'))
    expect(published.code).toBe(0)
    await expect
      .poll(async () => (await said('policy', 'status', ...at('home'))).json, { timeout: 20_000 })
      .toMatchObject({ devices: 2, following: 1, waiting: [{ device: 'van-7', said: { version } }] })
    const back = await van()
    await followed(version + 1, 2)
    expect(await agentOf('van')).toMatchObject({ version: version + 1 })
    await stopped(back)
  }, 240_000)

  it('is refused by line and field, as a version that is not the next, and where nobody could go back', async () => {
    const { version } = await inForce()
    const refused = async (change: object) => {
      const { code, json } = await said('policy', 'publish', await next(change), ...at('home'))
      expect(code).toBe(1)
      return (json as { error: { code: string; message: string; remedy: string } }).error
    }
    expect(await refused({ version })).toMatchObject({
      code: 'policy_version_wrong',
      message: expect.stringContaining(`the next one is ${version + 1}`) as string,
    })
    expect(await refused({ rules: [] })).toMatchObject({
      code: 'policy_file_refused',
      message: expect.stringMatching(/policy\.json:\d+: rules: .*policy\.publish/) as string,
    })
    expect(await refused({ budget: { effects: 0, windowS: 60 } })).toMatchObject({
      message: expect.stringMatching(/policy\.json:\d+: budget\.effects: /) as string,
    })
    expect(await refused({ environment: 'production' })).toMatchObject({ code: 'policy_refused' })
    expect((await inForce()).version).toBe(version)
  }, 60_000)
})
