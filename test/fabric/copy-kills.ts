/**
 * Two copies of one table, each in a process of its own, follow the same centre and are killed in mid-apply at seeded moments: in each
 * round every row is touched once, then the marker. Who shows the marker was told of everything before it, so a row that is not of its
 * round then is stale, and stays so.
 */
import { randomBytes } from 'node:crypto'
import { serve, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeFormShapes } from '../../control-plane/shapes/http/free-form.ts'
import { systemClock } from '../../shared/clock.ts'
import { freePort } from '../../shared/fabric/free-port.ts'
import { openLog } from '../../shared/log.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import { loadKeyPair } from '../../shared/signing/ed25519.ts'
import { openCentreStage, tenant, type CentreStage } from '../edge-agent/context/stage.ts'
import type { CopySetup } from './copy-setup.ts'
import { MARKER } from './copy-setup.ts'
import { Part } from './part.ts'
import { seeded } from '../../shared/seeded.ts'

const KINDS = ['starling', 'pglite-sync'] as const
type Kind = (typeof KINDS)[number]

const DEVICE = 'device-1'
const BATCHES = 20
const POLL_MS = 20_000
/** Answers of about this size, so that a round takes several. */
const CHUNK_BYTES = 64 * 1024
/** Longer than applying an answer takes. */
const AFTER_ANSWER_MS = 120
/** A copy that shows nothing for so long is stuck. */
const SHOWN_WITHIN_MS = 120_000

export interface Tally {
  kills: number
  /** Rounds that ended with stale rows, and how many rows that were, all rounds together. */
  staleRounds: number
  staleRows: number
  /** Rows that are too many or too few at a round's end. */
  wrongCounts: number
}

export async function runCopyKills(options: {
  readonly seeds: readonly number[]
  readonly rows: number
  readonly onRound: (seed: number, tallies: Readonly<Record<Kind, Tally>>) => void
}): Promise<Readonly<Record<Kind, Tally>>> {
  const dir = await mkdtemp(join(tmpdir(), 'starling-copy-kills-'))
  const seed = randomBytes(32).toString('base64url')
  const centre = await openCentreStage({ pollMs: POLL_MS, chunkBytes: CHUNK_BYTES, key: loadKeyPair(seed) })
  const answered: Record<Kind, () => void> = { starling: () => undefined, 'pglite-sync': () => undefined }
  const { url, server } = await serveBoth(centre, answered)
  const copies: Copy[] = []
  try {
    await fill(centre, options.rows)
    for (const kind of KINDS) {
      const setup = { kind, dir: join(dir, kind), url, tenant, device: DEVICE, key: seed }
      copies.push(await Copy.start(kind, setup, dir))
    }
    for (const copy of copies) await copy.shows('round 0')
    for (const round of options.seeds) {
      for (const copy of copies) copy.killWithin(answered, seeded(round))
      await touchAll(centre, `round ${round}`)
      for (const copy of copies) {
        copy.killNow()
        copy.judge(await copy.shows(`round ${round}`), options.rows)
      }
      options.onRound(round, talliesOf(copies))
    }
    return talliesOf(copies)
  } finally {
    for (const copy of copies) await copy.stop()
    if ('closeAllConnections' in server) server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await centre.close()
    await rm(dir, { recursive: true, force: true })
  }
}

function talliesOf(copies: readonly Copy[]): Readonly<Record<Kind, Tally>> {
  const tallies = new Map(copies.map(({ kind, tally }) => [kind, { ...tally }]))
  const none = { kills: 0, staleRounds: 0, staleRows: 0, wrongCounts: 0 }
  return { starling: tallies.get('starling') ?? none, 'pglite-sync': tallies.get('pglite-sync') ?? none }
}

interface Standing {
  readonly marker: string
  readonly rows: number
  readonly stale: number
}

class Copy {
  readonly kind: Kind
  readonly tally: Tally = { kills: 0, staleRounds: 0, staleRows: 0, wrongCounts: 0 }
  readonly #part: Part
  #standing: Standing | null = null
  #look: () => void = () => undefined
  /** Set until this round's kill. */
  #pending = false

  private constructor(kind: Kind, setupFile: string) {
    this.kind = kind
    this.#part = new Part({
      entry: workerEntry(import.meta.url, './copy.process.ts'),
      setup: setupFile,
      onLine: (line) => {
        this.#standing = line as unknown as Standing
        this.#look()
      },
    })
  }

  static async start(kind: Kind, setup: CopySetup, dir: string): Promise<Copy> {
    const file = join(dir, `${kind}.json`)
    await writeFile(file, JSON.stringify(setup))
    const copy = new Copy(kind, file)
    copy.#part.start()
    return copy
  }

  /** Kills it some milliseconds after one of its next answers. */
  killWithin(answered: Record<Kind, () => void>, random: () => number): void {
    let left = 1 + Math.floor(random() * (BATCHES / 2))
    const afterMs = random() * AFTER_ANSWER_MS
    this.#pending = true
    answered[this.kind] = () => {
      left -= 1
      if (left === 0) setTimeout(() => this.killNow(), afterMs)
    }
  }

  killNow(): void {
    if (!this.#pending) return
    this.#pending = false
    this.tally.kills += 1
    this.#part.kill()
  }

  async shows(marker: string): Promise<Standing> {
    const limit = AbortSignal.timeout(SHOWN_WITHIN_MS)
    return await new Promise((resolve, reject) => {
      this.#look = () => {
        if (this.#standing?.marker === marker) resolve(this.#standing)
      }
      limit.addEventListener('abort', () =>
        reject(new Error(`${this.kind} never showed ${marker}: ${this.#part.errors}`)),
      )
      this.#look()
    })
  }

  judge({ stale, rows }: Standing, expected: number): void {
    this.tally.staleRows += stale
    if (stale > 0) this.tally.staleRounds += 1
    if (rows !== expected) this.tally.wrongCounts += 1
  }

  async stop(): Promise<void> {
    await this.#part.stop()
  }
}

async function serveBoth(
  centre: CentreStage,
  answered: Readonly<Record<Kind, () => void>>,
): Promise<{ readonly url: string; readonly server: ServerType }> {
  const log = openLog({ part: 'test', clock: systemClock, json: false, write: () => undefined })
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    answered[context.req.path === '/v1/shape' ? 'pglite-sync' : 'starling']()
  })
  app.route('/', centre.named.app)
  app.route('/', freeFormShapes({ server: centre.shapes.server, clock: systemClock, log, pollMs: POLL_MS }))
  const port = await freePort(0)
  const server = await new Promise<ServerType>((resolve) => {
    const started = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => resolve(started))
  })
  return { url: `http://127.0.0.1:${port}`, server }
}

async function fill(centre: CentreStage, rows: number): Promise<void> {
  await centre.db.query(
    `insert into ops.row (tenant, tbl, key, version, body, columns)
     select $1, 'part', case when i = 0 then $2 else 'k' || i end, nextval('ops.version'),
       jsonb_build_object('name', 'round 0', 'note', repeat('x', 80)), '{}'::jsonb
     from generate_series(0, $3::int) i`,
    [tenant, MARKER, rows],
  )
  centre.shapes.changed()
}

async function touchAll(centre: CentreStage, round: string): Promise<void> {
  const change = `update ops.row set version = nextval('ops.version'), body = jsonb_set(body, '{name}', to_jsonb($1::text)) where tbl = 'part'`
  for (let batch = 0; batch < BATCHES; batch++) {
    await centre.db.query(`${change} and key <> $2 and hashtext(key) & 1023 between $3 and $4`, [
      round,
      MARKER,
      Math.ceil((1024 * batch) / BATCHES),
      Math.ceil((1024 * (batch + 1)) / BATCHES) - 1,
    ])
    centre.shapes.changed()
  }
  await centre.db.query(`${change} and key = $2`, [round, MARKER])
  centre.shapes.changed()
}
