/** Free-form shapes of a real hub process over a real PostgreSQL: only where they were asked for, and whole after a kill. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPostgres } from '../../shared/sql/postgres-database.ts'
import type { Database } from '../../shared/sql/port.ts'
import { dataFolder } from '../support/data-folder.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from '../support/postgres.ts'
import { BINARY } from '../support/starling.ts'

const bin = await postgresPrograms()

describe('the shapes of `starling hub`', () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>
  const running: ChildProcess[] = []
  beforeAll(async () => {
    folder = await dataFolder('hub-shapes')
  })
  afterAll(async () => {
    for (const child of running)
      if (child.exitCode === null && child.signalCode === null) await ended(child, 'SIGTERM')
    await folder.remove()
  })

  const hub = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ url: string; process: ChildProcess }> => {
    const free = ['--port', '0', '--nats-port', '0', '--leaf-port', '0', '--no-sample-data', '--json']
    const child = spawn(
      process.execPath,
      [BINARY, 'hub', '--data', join(folder.path, 'centre'), ...free, ...args],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, ...env },
      },
    )
    running.push(child)
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const ready = JSON.parse(line) as { readonly http?: string }
    if (ready.http === undefined) throw new Error(line)
    return { url: ready.http, process: child }
  }

  it('are not there unless they were asked for; named ones want a token', async () => {
    const { url, process: child } = await hub([])
    for (const [path, method] of [
      ['/v1/shape?table=row&offset=-1', 'GET'],
      ['/v1/shape?table=row', 'DELETE'],
      ['/v1/health', 'GET'],
    ] as const)
      expect((await fetch(`${url}${path}`, { method })).status, path).toBe(404)
    expect((await fetch(`${url}/v1/shapes/part?offset=-1`)).status).toBe(401)
    await ended(child, 'SIGTERM')
  }, 120_000)

  describe.skipIf(bin === null)('over a PostgreSQL that is named', () => {
    let server: PostgresServer
    let db: Database
    beforeAll(async () => {
      server = await startPostgres(bin ?? '')
      db = await openPostgres({ url: server.url, name: 'test' })
      await db.script(
        `create table job (id int primary key, note text); insert into job select i, repeat('x', 400) from generate_series(1, 10) i`,
      )
    }, 60_000)
    afterAll(async () => {
      await db.close()
      await server.stop()
    })

    it('come in chunks, wait as long as was said, and outlive a kill: the same handle reads on, nothing is lost', async () => {
      const flags = ['--insecure-shapes', '--shape-chunk-bytes', '1000', '--shape-poll-ms', '300']
      const first = await hub(flags, { DATABASE_URL: server.url })
      const start = await fetch(`${first.url}/v1/shape?table=job&offset=-1`)
      expect(((await start.json()) as unknown[]).length).toBeLessThan(5)
      const handle = start.headers.get('electric-handle') ?? ''
      const idle = await fetch(`${first.url}/v1/shape?table=job&offset=0_inf&handle=${handle}&live=true`)
      expect([idle.status, idle.headers.has('electric-up-to-date')]).toEqual([200, true])
      await db.query(`insert into job values (11, 'before')`)
      await fetch(`${first.url}/v1/shape?table=job&offset=0_inf&handle=${handle}`)
      await ended(first.process, 'SIGKILL')
      await db.query(`insert into job values (12, 'between')`)
      const second = await hub([...flags, '--database-url', server.url])
      await db.query(`insert into job values (13, 'after')`)
      const rest = await fetch(`${second.url}/v1/shape?table=job&offset=0_inf&handle=${handle}`)
      expect(rest.status).toBe(200)
      const messages = (await rest.json()) as { readonly value?: { readonly note: string } }[]
      expect(messages.flatMap(({ value }) => value?.note ?? [])).toEqual(['before', 'between', 'after'])
      await ended(second.process, 'SIGTERM')
    }, 120_000)
  })
})

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await once(child, 'close')
}
