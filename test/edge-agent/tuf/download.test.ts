/** Targets: fetched when they are new, checked always, and under their name only when they are right. */
import { readdir, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runTufCommand } from '../../../edge-agent/tuf/command.ts'
import { httpSource } from '../../../edge-agent/tuf/http-source.ts'
import { TufClient } from '../../support/tuf-client.ts'
import type { Loose, TestRepository } from '../../support/tuf-repository.ts'

const LOWER = ['targets', 'snapshot', 'timestamp'] as const
let client: TufClient
let repository: TestRepository

beforeEach(async () => {
  client = await TufClient.started()
  repository = client.repository
  expect(await client.init()).toBe(0)
})
afterEach(async () => await client.stop())

function publish(path: string, text: string): void {
  repository.addArtifact('targets', path, Buffer.from(text))
  repository.publish(...LOWER)
}

it('brings what a refresh alone does not', async () => {
  publish('target_file.txt', 'contents')
  expect(await client.refresh()).toBe(0)
  expect(await client.downloaded()).toEqual([])
  expect(await client.download('target_file.txt')).toBe(0)
  expect(await client.downloaded()).toEqual(['contents'])
})

it.each([
  'path/to/a/target_file.txt',
  '.',
  '..',
  '../../escape',
  'a b?c#d%20e',
  'ä/ß+@:,;=&$',
  '-x',
  '--target-dir',
  '/absolute',
  'x//y',
])('fetches "%s" into one file inside of its folder', async (path) => {
  publish(path, `contents of ${path}`)
  expect(await client.download(path)).toBe(0)
  expect(await client.downloaded()).toEqual([`contents of ${path}`])
  expect((await readdir(client.targetDir)).length).toBe(1)
})

it('does not fetch again what it has', async () => {
  publish('file', 'contents')
  expect(await client.download('file')).toBe(0)
  expect(client.server.targetRequests.length).toBe(1)
  expect(await client.download('file')).toBe(0)
  expect(await client.download(['file', 'file'])).toBe(0)
  expect(client.server.targetRequests.length).toBe(1)
})

it('fetches again what was damaged on the disk, or changed by its publisher', async () => {
  publish('file', 'contents')
  expect(await client.download('file')).toBe(0)
  await writeFile(join(client.targetDir, 'file'), 'contentS')
  expect(await client.download('file')).toBe(0)
  expect(await client.downloaded()).toEqual(['contents'])
  publish('file', 'new contents')
  expect(await client.download('file')).toBe(0)
  expect(await client.downloaded()).toEqual(['new contents'])
  expect(client.server.targetRequests.length).toBe(3)
})

it('takes several targets in order with one refresh, and stops at the first that fails', async () => {
  for (const name of ['a', 'b', 'c']) repository.addArtifact('targets', name, Buffer.from(`of ${name}`))
  repository.publish(...LOWER)
  expect(await client.download(['c', 'a'])).toBe(0)
  expect(await client.downloaded()).toEqual(['of c', 'of a'])
  expect(client.server.metadataRequests).toEqual(['root 2', 'timestamp', 'snapshot 2', 'targets 2'])
  expect(await client.download(['a', 'nothing', 'b'])).toBe(1)
  expect(await client.downloaded()).toEqual(['of c', 'of a'])
})

describe('bytes that are not those of the metadata', () => {
  it.each(['longer contents by far', 'contentz', 'short', ''])(
    '"%s" are refused, and what is there stays',
    async (bad) => {
      repository.addArtifact('targets', 'other', Buffer.from('contents'))
      publish('file', 'contents')
      expect(await client.download('file')).toBe(0)
      repository.artifacts.set('other', Buffer.from(bad))
      repository.artifacts.set('file', Buffer.from(bad))
      expect(await client.download('file')).toBe(0)
      expect(await client.download('other')).toBe(1)
      expect(await client.downloaded()).toEqual(['contents'])
    },
  )

  it('replace nothing through many versions', async () => {
    publish('file', 'first')
    expect(await client.download('file')).toBe(0)
    const expected = ['first']
    for (let round = 0; round < 11; round += 1) {
      repository.addArtifact('targets', `new-${round}`, Buffer.from(`new ${round}`))
      publish('file', `changed ${round}`)
      if (round % 5 !== 0) continue
      expect(await client.download('file')).toBe(0)
      expected.splice(
        expected.findIndex((text) => !text.startsWith('new')),
        1,
      )
      expected.push(`changed ${round}`)
      expect(await client.downloaded()).toEqual(expected)
      expect(await client.download(`new-${round}`)).toBe(0)
      expected.push(`new ${round}`)
      repository.artifacts.set('file', Buffer.from(`malicious ${round}`))
      repository.publish(...LOWER)
      await client.download('file')
      expect(await client.downloaded()).toEqual(expected)
    }
  })
})

describe('hashes', () => {
  const hashesOf = (path: string): Loose =>
    ((repository.document('targets')['targets'] as Loose)[path] as Loose)['hashes'] as Loose

  it.each([['sha256'], ['sha512'], ['sha256', 'sha512']])('%s %s do', async (...names) => {
    repository.addArtifact('targets', 'file', Buffer.from('contents'))
    const hashes = hashesOf('file')
    for (const name of ['sha256', 'sha512']) if (!names.includes(name)) delete hashes[name]
    repository.publish(...LOWER)
    expect(await client.download('file')).toBe(0)
    expect(await client.downloaded()).toEqual(['contents'])
    expect(client.server.targetRequests).toEqual([`${hashes[names[0] ?? ''] as string}.file`])
  })

  it('of a kind that is not known are refused, and so is a target without any', async () => {
    repository.addArtifact('targets', 'file', Buffer.from('contents'))
    const hashes = hashesOf('file')
    hashes['unknown-hash'] = hashes['sha512'] ?? ''
    delete hashes['sha512']
    delete hashes['sha256']
    repository.publish(...LOWER)
    expect(await client.download('file')).toBe(1)
    delete hashes['unknown-hash']
    repository.publish(...LOWER)
    expect(await client.download('file')).toBe(1)
    expect(await client.downloaded()).toEqual([])
  })

  it('must all fit, not only the one in the address', async () => {
    repository.addArtifact('targets', 'file', Buffer.from('contents'))
    hashesOf('file')['sha512'] = '00'.repeat(64)
    repository.publish(...LOWER)
    expect(await client.download('file')).toBe(1)
    expect(await client.downloaded()).toEqual([])
  })
})

describe('a server that', () => {
  async function against(answer: (url: string, write: (chunk: Buffer) => boolean, end: () => void) => void) {
    const server = createServer((request, response) => {
      response.writeHead(200)
      answer(
        request.url ?? '',
        (chunk) => response.write(chunk),
        () => response.destroy(),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const result = await runTufCommand(
      ['--metadata-url', url, '--metadata-dir', client.metadataDir, 'refresh'],
      Date.now(),
    )
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    return result
  }

  it('never stops sending is left at the limit', async () => {
    let sentBytes = 0
    const chunk = Buffer.alloc(65_536, 32)
    const { status, complaint } = await against((_url, write) => {
      const more = (): void => {
        sentBytes += chunk.length
        if (sentBytes < 64 * 1024 * 1024 && write(chunk)) setImmediate(more)
        else if (sentBytes < 64 * 1024 * 1024) setImmediate(more)
      }
      more()
    })
    expect(status).toBe(1)
    expect(complaint).toContain('more than 512000 bytes')
    expect(await client.trusted()).toEqual(['root 1'])
  })

  it('hangs up half-way is a failure, not an absent file', async () => {
    const { status, complaint } = await against((_url, write, end) => {
      write(Buffer.from('{"signatures": ['))
      setImmediate(end)
    })
    expect(status).toBe(1)
    expect(complaint).toContain('tuf_unreachable')
  })
})

describe('a transfer that', () => {
  const limits = { idleMs: 60_000, slowStartMs: 60_000, leastBytesPerSecond: 1 }
  async function fetched(
    given: Partial<typeof limits>,
    answer: (response: ServerResponse) => void,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const server = createServer((_request, response) => answer(response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const metadataUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const source = httpSource({ metadataUrl, limits: { ...limits, ...given }, ...(signal && { signal }) })
    try {
      return await source.metadata('1.root.json', 1_000)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  it('never starts is given up', async () => {
    await expect(fetched({ idleMs: 20 }, () => undefined)).rejects.toMatchObject({ reason: 'failed' })
  })

  it('stops half-way is given up', async () => {
    await expect(
      fetched({ idleMs: 20 }, (response) => void response.writeHead(200).write('{')),
    ).rejects.toMatchObject({ reason: 'failed' })
  })

  it('drips is given up', async () => {
    await expect(
      fetched(
        { slowStartMs: 0, leastBytesPerSecond: 1e12 },
        (response) => void response.writeHead(200).end('{}'),
      ),
    ).rejects.toMatchObject({ reason: 'slow' })
  })

  it('is called off ends', async () => {
    const controller = new AbortController()
    await expect(fetched({}, () => controller.abort(), controller.signal)).rejects.toMatchObject({
      code: 'tuf_unreachable',
    })
  })

  it.each([500, 301, 204])(
    'is answered with %i fails, and is not taken for an absent file',
    async (status) => {
      await expect(
        fetched({}, (response) => void response.writeHead(status, { location: '/elsewhere' }).end()),
      ).rejects.toMatchObject({ reason: 'failed' })
    },
  )

  it.each([403, 404])('is answered with %i has no such file', async (status) => {
    expect(await fetched({}, (response) => void response.writeHead(status).end('no'))).toBeUndefined()
  })
})

describe('the words of the command', () => {
  const usage = async (...argv: readonly string[]): Promise<number> =>
    (await runTufCommand(argv, Date.now())).status

  it('that say nothing to do, or too little, are wrong', async () => {
    expect(await usage()).toBe(2)
    expect(await usage('--metadata-dir', client.metadataDir)).toBe(2)
    expect(await usage('--metadata-dir', client.metadataDir, 'init')).toBe(2)
    expect(await usage('--metadata-dir', client.metadataDir, 'refresh')).toBe(2)
    expect(await usage('--metadata-dir', client.metadataDir, '--nonsense', 'x', 'refresh')).toBe(2)
    expect(await usage('--metadata-dir')).toBe(2)
  })

  it('that name a root that is not there fail', async () => {
    expect(await usage('--metadata-dir', client.metadataDir, 'init', '/nonexistent/root.json')).toBe(1)
  })
})
