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
async function part(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [BINARY, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  })
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
    const verified = async (): Promise<void> => {
      const { code, out } = await starling(['context', 'verify', '--json', ...at('van')])
      const found = JSON.parse(out) as { holds: boolean; tables: { device: { rows: number } }[] }
      const rows = found.tables.reduce((sum, { device: { rows: count } }) => sum + count, 0)
      expect([code, found.holds, rows > 20]).toEqual([0, true, true])
    }
    expect(await part(['edge', ...at('van'), ...free])).toMatchObject({ ready: true, device: 'van-7' })
    await verified()
    const again = running.at(-1)
    again?.kill('SIGTERM')
    if (again !== undefined) await once(again, 'close')
    // The other way: over HTTP at the centre itself.
    const byHttp = ['--context-url', String(hub['http'])]
    expect(await part(['edge', ...at('van'), ...free, ...byHttp])).toMatchObject({ ready: true })
    const anew = await starling(['context', 'resync', 'asset', '--json', ...at('van')])
    expect(JSON.parse(anew.out)).toMatchObject({ lag: 0, writes: { conflicts: 0 } })
    await verified()
  }, 180_000)

  it('says that a device’s clock is off, does nothing by a policy that is not in force, and keeps what it is told', async () => {
    const at = (name: string): string[] => ['--data', join(folder.path, name)]
    const hub = await part(['hub', ...at('clocks'), '--port', '0', '--nats-port', '0', '--leaf-port', '0'])
    const shift = new URL('../support/shifted-clock.mjs', import.meta.url).href
    const days = async (name: string, shiftDays: number): Promise<string[]> => {
      const token = await starling(['token', ...at('clocks'), '--device', name, '--site', 'north'])
      const tokenFile = join(folder.path, `${name}-token`)
      writeFileSync(tokenFile, token.out)
      const joining = [
        '--hub',
        String(hub['http']),
        '--token-file',
        tokenFile,
        '--device',
        name,
        '--site',
        'north',
      ]
      const env = { NODE_OPTIONS: `--import=${shift}`, SHIFT_CLOCK_DAYS: String(shiftDays) }
      const edge = await part(
        ['edge', ...at(name), ...joining, '--page-port', '0', '--site-leaf-port', '0'],
        env,
      )
      expect(edge).toMatchObject({ ready: true })
      return at(name)
    }
    const ahead = await days('ahead', 3)
    expect(JSON.parse((await starling(['status', '--json', ...ahead])).out)).toMatchObject({
      agent: {
        clock: {
          problem: { code: 'clock_off', message: expect.stringContaining('4320 minutes ahead') as string },
        },
      },
    })
    const behind = await days('behind', -3000)
    const refused = await starling(['understand', 'next step', '--json', ...behind])
    expect(refused.code).toBe(1)
    expect(refused.out + refused.err).toMatch(/clock/)
    const verified = await starling(['audit', 'verify', '--json', ...behind])
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining('"holds"') as string])
  }, 180_000)
})
