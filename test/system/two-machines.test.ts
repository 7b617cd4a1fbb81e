/** The parts alone, as on two machines: a centre, a token carried by hand, a device that joins, and one that may not. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder } from '../support/data-folder.ts'
import { BINARY, starling } from '../support/starling.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
const running: ChildProcess[] = []

beforeAll(async () => {
  folder = await dataFolder('machines')
})
afterAll(async () => {
  for (const child of running.toReversed()) {
    if (child.exitCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'close')
  }
  await folder.remove()
})

/** Starts a part and resolves with its ready line, or with its error. */
async function part(args: readonly string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [BINARY, ...args, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] })
  running.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as Record<string, unknown>
}

describe('a centre and devices on their own', () => {
  it('joins a device with a token in a file, goes on without the centre’s address, refuses one without a token', async () => {
    const at = (name: string): string[] => ['--data', join(folder.path, name)]
    const hub = await part(['hub', ...at('centre'), '--port', '0', '--nats-port', '0', '--leaf-port', '0'])
    expect(hub['ready']).toBe(true)
    const made = await starling(['token', ...at('centre'), '--device', 'van-7', '--site', 'north'])
    const tokenFile = join(folder.path, 'token')
    writeFileSync(tokenFile, made.out)
    const joining = [
      '--hub',
      String(hub['http']),
      '--token-file',
      tokenFile,
      '--device',
      'van-7',
      '--site',
      'north',
    ]
    const free = ['--page-port', '0', '--site-leaf-port', '0']
    const edge = await part(['edge', ...at('van'), ...joining, ...free])
    expect(edge).toMatchObject({ ready: true, device: 'van-7' })
    const status = await starling(['status', '--json', ...at('van')])
    expect(JSON.parse(status.out)).toMatchObject({ agent: { device: 'van-7', site: 'north' } })
    const thief = await part(['edge', ...at('thief'), ...joining, ...free])
    expect(thief).toMatchObject({ error: { remedy: expect.stringContaining('starling token') as string } })
    const none = await starling(['edge', '--json', ...at('none'), ...free])
    expect([none.code, none.out]).toEqual([3, expect.stringContaining('not_enrolled') as string])
    expect(readFileSync(join(folder.path, 'van', 'edge', 'identity.json'), 'utf8')).not.toContain(
      made.out.trim(),
    )
    const device = running[1]
    device?.kill('SIGTERM')
    if (device !== undefined) await once(device, 'close')
    expect(await part(['edge', ...at('van'), ...free])).toMatchObject({ ready: true, device: 'van-7' })
  })
})
