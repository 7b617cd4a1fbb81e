/**
 * A production installation from empty folders, by the commands that people type: a centre, a ceremony whose secret keys lie in
 * another folder that the centre never sees, and devices that install what both repositories name.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFolder } from '../support/data-folder.ts'
import { BINARY, starling } from '../support/starling.ts'

let folder: Awaited<ReturnType<typeof dataFolder>>
const running: ChildProcess[] = []
const at = (name: string): string[] => ['--data', join(folder.path, name)]
/** The signers' machines. */
const safe = (name: string): string => join(folder.path, 'safe', name)

beforeAll(async () => {
  folder = await dataFolder('production')
  mkdirSync(safe(''), { recursive: true })
})
afterAll(async () => {
  for (const child of running.toReversed()) await ended(child)
  await folder.remove()
})

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

async function part(
  args: readonly string[],
): Promise<{ child: ChildProcess; ready: Record<string, unknown> }> {
  const child = spawn(process.execPath, [BINARY, ...args, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] })
  running.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, ready: JSON.parse(line) as Record<string, unknown> }
}

/** Runs a command of the ceremony that has to succeed. */
async function keys(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out } = await starling(['keys', ...args, '--json'])
  expect(out, args.join(' ')).not.toContain('"error"')
  expect(code, args.join(' ')).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

/** Code of a command that has to be refused. */
async function refusal(...args: readonly string[]): Promise<unknown> {
  const { code, out } = await starling(['keys', ...args, '--json'])
  expect(code, out).toBe(1)
  const { error } = JSON.parse(out) as { error: { code: string; remedy: string } }
  expect(error.remedy.length).toBeGreaterThan(20)
  return error.code
}

/** Signed where each key lies, and put together: the path of the signed file. */
async function signed(document: string, repository: string, signers: readonly string[]): Promise<string> {
  const out = `${document}.signed`
  const signatures: string[] = []
  for (const who of signers) {
    await keys('sign', document, '--key', safe(who), '--out', `${document}.${who}`)
    signatures.push('--signature', `${document}.${who}`)
  }
  await keys('assemble', document, ...signatures, '--repository', repository, '--out', out)
  return out
}

const HOLDERS = { root: ['anna', 'boris', 'clara'], targets: ['dora', 'emil', 'fay'] }

/** The next root of a repository, by two of its root keys. */
async function rootOf(
  repository: 'image' | 'director',
  { environment = 'production', version = 1 } = {},
): Promise<string> {
  const online = (role: string): string => `${repository}-${role}.pub`
  const people = (role: 'root' | 'targets') => ({
    threshold: 2,
    keys: HOLDERS[role].map((who) => `${who}.pub`),
  })
  const plan = {
    environment,
    repository,
    expiresInDays: 365,
    roles: {
      root: people('root'),
      targets: repository === 'image' ? people('targets') : { threshold: 1, keys: [online('targets')] },
      snapshot: { threshold: 1, keys: [online('snapshot')] },
      timestamp: { threshold: 1, keys: [online('timestamp')] },
    },
  }
  const name = `${repository}-${environment}-${version}`
  writeFileSync(safe(`${name}.plan`), JSON.stringify(plan))
  const served = safe(`${name}.served`)
  await keys('fetch', repository, ...at('centre'), '--out', served)
  await keys('prepare', '--plan', safe(`${name}.plan`), '--repository', served, '--out', safe(name))
  return await signed(safe(name), served, ['anna', 'boris'])
}

async function edge(device: string, hub: string): Promise<ChildProcess> {
  const token = await starling(['token', ...at('centre'), '--device', device, '--site', device])
  writeFileSync(safe(`${device}.token`), token.out)
  const joining = [
    '--hub',
    hub,
    '--token-file',
    safe(`${device}.token`),
    '--device',
    device,
    '--site',
    device,
  ]
  const { child, ready } = await part([
    'edge',
    ...at(device),
    ...joining,
    '--page-port',
    '0',
    '--site-leaf-port',
    '0',
  ])
  expect(ready).toMatchObject({ ready: true, device })
  return child
}

interface Status {
  readonly agent: {
    readonly environment: string
    readonly bundles: { readonly problem: { readonly code: string } | null }
    readonly models: readonly { readonly name: string }[]
  }
}

/** The device's status once `isSo` of it. */
async function statusOnce(device: string, isSo: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const { out } = await starling(['status', '--json', ...at(device)])
    const status = JSON.parse(out) as Status
    if (isSo(status)) return status
  }
}

describe('a production installation', () => {
  it('installs what people signed on machines of their own, on devices that were taken in before and after', async () => {
    const { ready: hub } = await part([
      'hub',
      ...at('centre'),
      '--environment',
      'production',
      ...['--port', '--nats-port', '--leaf-port'].flatMap((name) => [name, '0']),
    ])
    const url = String(hub['http'])
    const early = await edge('early', url)
    expect((await statusOnce('early', () => true)).agent).toMatchObject({
      environment: 'production',
      bundles: { problem: { code: 'roots_missing' } },
      models: [],
    })
    await ended(early)

    expect(await refusal('due', ...at('centre'), '--out', safe('none'))).toBe('repository_missing')
    for (const who of Object.values(HOLDERS).flat()) await keys('new', '--out', safe(who))
    for (const role of ['snapshot', 'timestamp'])
      await keys('online', 'image', role, ...at('centre'), '--out', safe(`image-${role}.pub`))
    for (const role of ['targets', 'snapshot', 'timestamp'])
      await keys('online', 'director', role, ...at('centre'), '--out', safe(`director-${role}.pub`))
    expect(await refusal('online', 'image', 'targets', ...at('centre'), '--out', safe('x'))).toBe(
      'repository_not_offline',
    )
    const publish = (repository: string, ...files: readonly string[]): string[] => [
      'publish',
      ...files,
      ...at('centre'),
      '--centre',
      repository,
    ]
    const [image, director] = [await rootOf('image'), await rootOf('director')]
    const foreign = await rootOf('image', { environment: 'development' })
    expect(await refusal(...publish('image', foreign))).toBe('repository_wrong_audience')
    expect(await refusal(...publish('director', image))).toBe('repository_wrong_audience')
    expect(await refusal(...publish('image', safe('image-production-1')))).toBe('repository_unsigned')
    await keys(...publish('image', image))
    await keys(...publish('director', director))

    const waiting = await starling(['keys', 'status', ...at('centre')])
    expect([waiting.code, waiting.out]).toEqual([
      1,
      expect.stringContaining('1.family-speech.json') as string,
    ])
    const due = await keys('due', ...at('centre'), '--out', safe('due'))
    await keys('fetch', 'image', ...at('centre'), '--out', safe('image'))
    const files: string[] = []
    for (const file of due['files'] as string[])
      files.push(await signed(file, safe('image'), ['dora', 'fay']))
    expect(files.length).toBe(3)
    const [unsigned = ''] = due['files'] as string[]
    expect(await refusal(...publish('image', unsigned))).toBe('repository_unsigned')
    await keys(...publish('image', ...files))
    expect((await starling(['keys', 'status', ...at('centre')])).code).toBe(0)

    await edge('late', url)
    const isServed = ({ agent }: Status): boolean => agent.models.length > 1
    expect((await statusOnce('late', isServed)).agent.bundles.problem).toBeNull()

    const roots = ['--image', image, '--director', director]
    expect(await refusal('trust', ...at('early'), '--image', director, '--director', image)).toBe(
      'tuf_refused',
    )
    await keys('trust', ...at('early'), ...roots)
    expect(await refusal('trust', ...at('early'), ...roots)).toBe('roots_known')
    await part(['edge', ...at('early'), '--page-port', '0', '--site-leaf-port', '0'])
    expect((await statusOnce('early', isServed)).agent.bundles.problem).toBeNull()

    const secrets = Object.values(HOLDERS)
      .flat()
      .map((who) => readFileSync(safe(who), 'utf8').trim())
    for (const file of readdirSync(join(folder.path, 'centre', 'hub'), {
      recursive: true,
      withFileTypes: true,
    }))
      if (file.isFile()) {
        const text = readFileSync(join(file.parentPath, file.name), 'latin1')
        for (const secret of secrets)
          expect(text.includes(secret.split('\n')[1] ?? 'none'), file.name).toBe(false)
      }
  }, 300_000)
})
