import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../shared/fabric/free-port.ts'
import { findNatsServer } from '../../../shared/fabric/nats-server-binary.ts'
import { startNatsServer, type NatsProcessEvent } from '../../../shared/fabric/nats-process.ts'
import { workerEntry } from '../../../shared/worker-entry.ts'

const root = mkdtempSync(join(tmpdir(), 'starling-process-'))
const signal = new AbortController().signal
let binary = ''
let made = 0

beforeAll(async () => {
  const search = { env: process.env, cacheDir: root, mayInstall: true, onProgress: () => undefined, signal }
  binary = (await findNatsServer(search)).path
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function start(options: { port: number; dir?: string; onEvent?: (event: NatsProcessEvent) => void }) {
  made += 1
  return startNatsServer({
    name: 'test',
    binary,
    dir: options.dir ?? join(root, `server-${made}`),
    config: `listen: "127.0.0.1:${options.port}"`,
    onEvent: (event) => options.onEvent?.(event),
    signal,
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

describe('nats-server as a child', () => {
  it('is started again on the same port when it is killed, and its owner is told', async () => {
    const events: string[] = []
    let again = (): void => undefined
    const restarted = new Promise<void>((resolve) => {
      again = resolve
    })
    const server = await start({
      port: await freePort(0),
      onEvent: (event) => {
        if (event.kind === 'log') return
        events.push(event.kind)
        if (events.length === 3) again()
      },
    })
    const first = server.pid()
    server.revive()
    await restarted
    expect(events).toEqual(['started', 'ended', 'started'])
    expect(server.pid()).not.toBe(first)
    await server.stop()
  })

  it('stops for good when it is told to, twice without harm', async () => {
    const server = await start({ port: await freePort(0) })
    const pid = server.pid() ?? 0
    await server.stop()
    await server.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('says why it does not start when its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    await expect(start({ port })).rejects.toMatchObject({
      code: 'nats_server_failed',
      message: expect.stringMatching(/address already in use/) as string,
    })
    holder.close()
  })

  it('ends the server that a killed owner has left on this folder, and no stranger whose pid the file names', async () => {
    const dir = join(root, 'stale')
    const first = await start({ port: await freePort(0), dir })
    const left = first.pid() ?? 0
    const second = await start({ port: await freePort(0), dir })
    expect(isAlive(left)).toBe(false)
    await second.stop()
    await first.stop()
    const stranger = spawn('sleep', ['60'])
    writeFileSync(join(dir, 'nats-server.pid'), String(stranger.pid))
    const third = await start({ port: await freePort(0), dir })
    expect(isAlive(stranger.pid ?? 0)).toBe(true)
    await third.stop()
    stranger.kill()
  })

  it('dies with an owner that is killed', async () => {
    const entry = workerEntry(import.meta.url, '../../fabric/owner.process.ts')
    const owner = spawn(process.execPath, [entry.pathname, binary, join(root, 'owned')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string]
    const pid = Number(line)
    expect(isAlive(pid)).toBe(true)
    owner.kill('SIGKILL')
    while (isAlive(pid)) await delay(20)
    expect(isAlive(pid)).toBe(false)
  })
})
