/** A whole ceremony by its commands, and a device that follows what it published. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Call } from '../../../edge-agent/cli/call.ts'
import {
  keysAssemble,
  keysNew,
  keysPrepare,
  keysPublish,
  keysRehearse,
  keysSign,
} from '../../../edge-agent/cli/commands/keys.ts'
import { openOutput } from '../../../edge-agent/cli/output.ts'
import { openHome } from '../../../edge-agent/home.ts'
import { runTufCommand } from '../../../edge-agent/tuf/command.ts'
import { dataFolder } from '../../support/data-folder.ts'

let folder: { readonly path: string; remove(): Promise<void> }
let server: Server
let call: Call
let repository: string
const at = (name: string): string => join(folder.path, name)

beforeEach(async () => {
  folder = await dataFolder('ceremony')
  repository = at('repository')
  call = {
    home: openHome({ data: folder.path, env: {} }),
    output: openOutput({ json: true, out: new PassThrough().resume(), err: new PassThrough().resume() }),
    env: {},
    signal: new AbortController().signal,
  }
  server = createServer((request, response) => {
    readFile(join(repository, request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await folder.remove()
})

async function writePlan(name: string, root: readonly string[], threshold = 2): Promise<string> {
  const keysOf = (names: readonly string[]): string[] => names.map((one) => `${one}.pub`)
  const plan = {
    environment: 'production',
    expiresInDays: 365,
    roles: {
      root: { threshold, keys: keysOf(root) },
      targets: { threshold: 2, keys: keysOf(['dora', 'emil']) },
      snapshot: { threshold: 1, keys: keysOf(['online1']) },
      timestamp: { threshold: 1, keys: keysOf(['online2']) },
    },
  }
  await writeFile(at(name), JSON.stringify(plan))
  return at(name)
}

/** Prepared, signed by each, assembled: the path of the signed file. */
async function ceremony(
  name: string,
  prepare: { plan?: string; add?: readonly string[] },
  signers: readonly string[],
) {
  const out = at(`${name}.prepared`)
  await keysPrepare(call, { repository, out, add: [], expiresInDays: 90, ...prepare })
  const signatures: string[] = []
  for (const who of signers) {
    await keysSign(call, out, { key: at(who), out: at(`${name}.${who}.sig`) })
    signatures.push(at(`${name}.${who}.sig`))
  }
  await keysAssemble(call, out, { signatures, repository, out: at(name) })
  return at(name)
}

async function device(command: readonly string[], nowMs = Date.now()): Promise<number> {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const words = [
    '--metadata-url',
    `${base}/metadata`,
    '--metadata-dir',
    at('device'),
    '--target-base-url',
    `${base}/targets`,
  ]
  return (await runTufCommand([...words, '--target-dir', at('installed'), ...command], nowMs)).status
}

it('makes a repository, rotates its root, and a device that saw only the first root follows', async () => {
  const online = { snapshotKey: at('online1'), timestampKey: at('online2') }
  for (const name of ['anna', 'boris', 'clara', 'dora', 'emil', 'online1'])
    await keysNew(call, at(name), 'ed25519')
  await keysNew(call, at('online2'), 'ecdsa-sha2-nistp256')
  expect((await stat(at('anna'))).mode & 0o777).toBe(0o600)
  await expect(keysNew(call, at('anna'), 'ed25519')).rejects.toMatchObject({ code: 'ceremony_file_refused' })

  const first = await ceremony('root1', { plan: await writePlan('plan1', ['anna', 'boris']) }, [
    'anna',
    'boris',
  ])
  await keysPublish(call, first, { repository })
  expect(await runTufCommand(['--metadata-dir', at('device'), 'init', first], Date.now())).toMatchObject({
    status: 0,
  })

  await writeFile(at('model'), 'the model')
  const add = [`bundles/speech/1.0.0/model.onnx=${at('model')}`]
  const targets = await ceremony('targets1', { add }, ['dora', 'emil'])
  await expect(keysPublish(call, targets, { repository })).rejects.toMatchObject({ reason: 'unsigned' })
  await keysPublish(call, targets, { repository, ...online })
  expect(await device(['--target-name', 'bundles/speech/1.0.0/model.onnx', 'download'])).toBe(0)
  expect(await readdir(at('installed'))).toEqual(['bundles%2Fspeech%2F1.0.0%2Fmodel.onnx'])

  for (const [name, people, signers] of [
    ['root2', ['boris', 'clara'], ['anna', 'boris', 'clara']],
    ['root3', ['clara', 'anna'], ['boris', 'clara', 'anna']],
  ] as const) {
    const next = await ceremony(name, { plan: await writePlan(`plan-${name}`, people) }, signers)
    await keysRehearse(call, next, { repository, oldest: first })
    await keysPublish(call, next, { repository, oldest: first, ...online })
  }
  expect(await device(['refresh'])).toBe(0)
  const trusted = JSON.parse(await readFile(at('device/root.json'), 'utf8')) as {
    signed: { version: number }
  }
  expect(trusted.signed.version).toBe(3)
})

it('stops where a device would: nothing of it reaches the repository', async () => {
  for (const name of ['anna', 'boris', 'clara', 'dora', 'emil', 'online1', 'online2'])
    await keysNew(call, at(name), 'ed25519')
  const plan = await writePlan('plan1', ['anna', 'boris'])
  const first = await ceremony('root1', { plan }, ['anna', 'boris'])
  await expect(ceremony('too-few', { plan }, ['anna'])).rejects.toMatchObject({ reason: 'unsigned' })
  await expect(keysRehearse(call, at('too-few.prepared'), { repository, oldest: first })).rejects.toThrow()
  await expect(keysPublish(call, at('too-few.prepared'), { repository })).rejects.toMatchObject({
    reason: 'unsigned',
  })
  await expect(readdir(join(repository, 'metadata'))).rejects.toMatchObject({ code: 'ENOENT' })

  await keysPublish(call, first, { repository })
  // A fleet that was set up with another root does not follow, however well signed the new one is.
  await mkdir(at('elsewhere'))
  const [mine, elsewhere] = [repository, at('elsewhere')]
  repository = elsewhere
  const foreign = await ceremony('foreign', { plan: await writePlan('plan2', ['clara', 'anna']) }, [
    'clara',
    'anna',
  ])
  repository = mine
  const second = await ceremony('root2', { plan }, ['anna', 'boris'])
  await expect(keysPublish(call, second, { repository, oldest: foreign })).rejects.toMatchObject({
    reason: 'unsigned',
  })
  await keysPublish(call, second, { repository, oldest: first })
  await keysPublish(call, second, { repository, oldest: first })
  expect((await readdir(join(repository, 'metadata'))).sort()).toEqual(['1.root.json', '2.root.json'])

  await writeFile(at('file'), 'x')
  for (const path of ['../x', 'a/../b', '/a', 'a b', 'a//b', ''])
    await expect(
      keysPrepare(call, {
        repository,
        out: at(`t${path.length}`),
        add: [`${path}=${at('file')}`],
        expiresInDays: 1,
      }),
    ).rejects.toThrow()
})
