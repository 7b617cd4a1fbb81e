import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findNatsServer, type NatsServerSearch } from '../../../shared/fabric/nats-server-binary.ts'

const dir = mkdtempSync(join(tmpdir(), 'starling-binary-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function program(name: string, says: string): string {
  const folder = join(dir, name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'nats-server')
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`)
  chmodSync(path, 0o755)
  return folder
}

const search = (
  change: Partial<NatsServerSearch> = {},
): Promise<{ path: string; version: string; source: string }> =>
  findNatsServer({
    env: { PATH: '' },
    cacheDir: join(dir, 'nowhere'),
    mayInstall: false,
    serverFolders: [],
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...change,
  })

describe('finding nats-server', () => {
  it('takes the one that a person names before any other', async () => {
    const named = program('named', 'nats-server: v2.10.27')
    const other = program('other', 'nats-server: v2.9.10')
    const found = await search({ env: { STARLING_NATS_SERVER: join(named, 'nats-server'), PATH: other } })
    expect(found).toEqual({ path: join(named, 'nats-server'), version: '2.10.27', source: 'setting' })
  })

  it('refuses a named one that is not there, rather than taking another in silence', async () => {
    const other = program('other', 'nats-server: v2.9.10')
    const env = { STARLING_NATS_SERVER: join(dir, 'missing'), PATH: other }
    await expect(search({ env })).rejects.toMatchObject({ code: 'nats_server_unfit' })
  })

  it('looks along the PATH, in the folders of servers, then in its own cache', async () => {
    const found = program('found', 'nats-server: v2.9.10')
    const path = join(found, 'nats-server')
    expect(await search({ env: { PATH: `${dir}:${found}` } })).toMatchObject({ path, source: 'path' })
    expect(await search({ serverFolders: [found] })).toMatchObject({ path, source: 'path' })
    expect(await search({ cacheDir: found })).toMatchObject({ path, source: 'cache' })
  })

  it('passes over one that is too old when another is fit, and names it when none is', async () => {
    const old = program('old', 'nats-server: v2.8.4')
    const fit = program('fit', 'nats-server: v3.0.0')
    expect(await search({ env: { PATH: `${old}:${fit}` } })).toMatchObject({ version: '3.0.0' })
    await expect(search({ env: { PATH: old } })).rejects.toMatchObject({ code: 'nats_server_unfit' })
  })

  it('takes no program that only has the name', async () => {
    const other = program('impostor', 'something else 2.9.10')
    await expect(search({ env: { PATH: other } })).rejects.toMatchObject({ code: 'nats_server_unfit' })
  })

  it('says exactly which command to run when there is none', async () => {
    await expect(search({ platform: 'linux', isRoot: false })).rejects.toMatchObject({
      code: 'nats_server_missing',
      remedy: expect.stringMatching(/nats-server/) as string,
    })
    await expect(search({ platform: 'darwin', isRoot: false })).rejects.toMatchObject({
      remedy: 'Run: brew install nats-server',
    })
  })
})
