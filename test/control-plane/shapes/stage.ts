/** A shape server over a real database, reached over HTTP as its clients do. */
import { serve, type ServerType } from '@hono/node-server'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { describe } from 'vitest'
import { freeFormShapes } from '../../../control-plane/shapes/http/free-form.ts'
import { openShapes, type Shapes } from '../../../control-plane/shapes/shapes.ts'
import { CHANGED_CHANNEL } from '../../../control-plane/shapes/capture/triggers.ts'
import { USUAL_RETENTION, type Retention } from '../../../control-plane/shapes/upkeep.ts'
import type { Clock } from '../../../shared/clock.ts'
import { systemClock } from '../../../shared/clock.ts'
import { freePort } from '../../../shared/fabric/free-port.ts'
import { openLog } from '../../../shared/log.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import { openPostgres } from '../../../shared/sql/postgres-database.ts'
import { listenTo } from '../../../shared/sql/postgres-notices.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { postgresPrograms, startPostgres } from '../../support/postgres.ts'

export interface Source {
  readonly kind: 'PGlite' | 'PostgreSQL'
  /** A connection of its own, where the database has several. */
  connect(): Promise<Database>
  /** A connection without the port's care, for transactions that stay open. PostgreSQL only. */
  raw(): Promise<Client>
  /** Calls `heard` when something changed. */
  listen(heard: () => void): { close(): Promise<void> }
  remove(): Promise<void>
}

/** Runs the same tests over each database that is there. */
export function overEachDatabase(tests: (open: () => Promise<Source>) => void): void {
  describe('over PGlite', () => tests(openPglite))
  describe.skipIf(bin === null)('over PostgreSQL', () => tests(openServer))
}

const bin = await postgresPrograms()
export const postgresIsThere = bin !== null

export async function openPglite(): Promise<Source> {
  const folder = await dataFolder('shapes')
  const db = await openDatabase({ dir: folder.path })
  return {
    kind: 'PGlite',
    connect: async () => await Promise.resolve(db),
    raw: async () => await Promise.reject(new Error('PGlite has one connection')),
    listen: () => ({ close: async () => await Promise.resolve() }),
    remove: async () => {
      await db.close()
      await folder.remove()
    },
  }
}

export async function openServer(): Promise<Source> {
  const server = await startPostgres(bin ?? '')
  const opened: Database[] = []
  return {
    kind: 'PostgreSQL',
    connect: async () => {
      const db = await openPostgres({ url: server.url, name: 'test' })
      opened.push(db)
      return db
    },
    raw: async () => {
      const client = new Client({ connectionString: server.url })
      // The server ends connections that a test left open.
      client.on('error', () => undefined)
      await client.connect()
      return client
    },
    listen: (heard) => listenTo(server.url, CHANGED_CHANNEL, heard),
    remove: async () => {
      for (const db of opened) await db.close()
      await server.stop()
    },
  }
}

export interface Stage {
  readonly url: string
  readonly shapes: Shapes
  get(params: Readonly<Record<string, string>>, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

export interface StageOptions {
  readonly chunkBytes?: number
  readonly pollMs?: number
  readonly retention?: Retention
  readonly clock?: Clock
}

export async function openStage(source: Source, options: StageOptions = {}): Promise<Stage> {
  const clock = options.clock ?? systemClock
  const pollMs = options.pollMs ?? 5_000
  const log = openLog({
    part: 'test',
    clock,
    json: false,
    write: (line) => process.stderr.write(`${line}\n`),
  })
  const [db, readsDb] = [await source.connect(), await source.connect()]
  const shapes = await openShapes({
    db,
    readsDb,
    clock,
    log,
    pollMs,
    chunkBytes: options.chunkBytes ?? 1024 * 1024,
    retention: options.retention ?? USUAL_RETENTION,
  })
  const listening = source.listen(() => shapes.changed())
  const app = freeFormShapes({ server: shapes.server, clock, log, pollMs })
  const port = await freePort(0)
  const server = await new Promise<ServerType>((resolve) => {
    const started = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => resolve(started))
  })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    shapes,
    get: async (params, init) =>
      await fetch(`${url}/v1/shape?${new URLSearchParams(params).toString()}`, init),
    close: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await listening.close()
      await shapes.close()
    },
  }
}

/** The parts of a message that tests look at. */
export interface Message {
  readonly key?: string
  readonly value?: Readonly<Record<string, string | null>>
  readonly old_value?: Readonly<Record<string, string | null>>
  readonly headers: Readonly<Record<string, unknown>>
}

export async function messagesOf(response: Response): Promise<readonly Message[]> {
  return (await response.json()) as Message[]
}

export function headerOf(response: Response, name: string): string {
  return response.headers.get(name) ?? ''
}

export function place(response: Response): Readonly<Record<'handle' | 'offset', string>> {
  return { handle: headerOf(response, 'electric-handle'), offset: headerOf(response, 'electric-offset') }
}

/** Reads a shape from the start until it is up to date. */
export async function readAll(
  stage: Stage,
  shape: Readonly<Record<string, string>>,
): Promise<{
  readonly messages: readonly Message[]
  readonly at: Readonly<Record<'handle' | 'offset', string>>
}> {
  const messages: Message[] = []
  let at: Readonly<Record<string, string>> = { offset: '-1' }
  for (;;) {
    const response = await stage.get({ ...shape, ...at })
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    messages.push(...(await messagesOf(response)))
    at = place(response)
    if (response.headers.has('electric-up-to-date')) return { messages, at: place(response) }
  }
}

export function changesIn(messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ headers }) => 'operation' in headers)
}

/** A table name that no other test uses. */
export function newTable(prefix = 'items'): string {
  return `${prefix}_${randomUUID().slice(0, 8)}`
}
