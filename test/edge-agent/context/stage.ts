/** A centre's data with its shapes, and a device's copy that follows them, in one process over real databases. */
import { OPS_SCHEMA } from '../../../control-plane/context/schema.ts'
import { sliceOf } from '../../../control-plane/context/slice.ts'
import { putRow } from '../../../control-plane/context/store.ts'
import { namedShapes, type NamedShapes } from '../../../control-plane/shapes/http/named.ts'
import { openShapes, type Shapes } from '../../../control-plane/shapes/shapes.ts'
import { USUAL_RETENTION } from '../../../control-plane/shapes/upkeep.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { ContextSync } from '../../../edge-agent/context/sync.ts'
import { verifyTable, type TableVerdict, type VerifyParts } from '../../../edge-agent/context/verify.ts'
import { CONTEXT_VERSION, type ContextForm } from '../../../shared/context/version.ts'
import { systemClock, type Clock } from '../../../shared/clock.ts'
import type { ContextTable } from '../../../shared/context/tables.ts'
import { parseSiteId, parseTenantId } from '../../../shared/ids.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { openLog } from '../../../shared/log.ts'
import { generateKeyPair, type KeyPair } from '../../../shared/signing/ed25519.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { mintShapeToken } from '../../../shared/wire/shape-token.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { governed, type Governed } from '../../support/governed.ts'

export const tenant = parseTenantId('acme')
const DEVICE = 'device-1'
export const TABLES = ['asset', 'part', 'note', 'write_result'] as const satisfies readonly ContextTable[]
type Table = (typeof TABLES)[number]

export interface CentreStage {
  readonly db: Database
  readonly named: NamedShapes
  readonly shapes: Shapes
  /** The device's site, which decides what it may see. */
  site: string
  isRevoked: boolean
  put(table: Table, key: string, words: string, site?: string | null): Promise<void>
  remove(table: Table, key: string): Promise<void>
  /** Several changes in one transaction. */
  together(work: (put: CentreStage['put']) => Promise<void>): Promise<void>
  fetch(request: Request): Promise<Response>
  token(): string
  close(): Promise<void>
}

export async function openCentreStage(
  options: {
    pollMs?: number
    chunkBytes?: number
    device?: string
    key?: KeyPair
    form?: ContextForm
    clock?: Clock
    /** Instead of a PGlite of its own; closed with the stage. */
    db?: Database
  } = {},
): Promise<CentreStage> {
  const folder = await dataFolder('copy-centre')
  const db = options.db ?? (await openDatabase({ dir: folder.path }))
  await db.script(OPS_SCHEMA)
  const clock = options.clock ?? systemClock
  const log = openLog({ part: 'test', clock, json: false, write: () => undefined })
  const usual = { clock, log, pollMs: options.pollMs ?? 2_000, chunkBytes: options.chunkBytes ?? 2_000 }
  const shapes = await openShapes({ ...usual, db, readsDb: db, retention: USUAL_RETENTION })
  const key = options.key ?? generateKeyPair()
  const device = options.device ?? DEVICE
  const named = namedShapes({
    ...usual,
    server: shapes.server,
    tenant,
    ...(options.form === undefined ? {} : { form: options.form }),
    deviceOf: async () =>
      await Promise.resolve(stage.isRevoked ? null : { site: stage.site, key: key.publicKey }),
  })
  const put = async (
    tx: Parameters<typeof putRow>[0],
    [table, name, words, site]: PutWords,
  ): Promise<void> => {
    await putRow(tx, {
      tenant,
      table,
      key: name,
      body: bodyOf(table, words),
      site: site == null ? null : parseSiteId(site),
      device: null,
      write: null,
    })
  }
  const stage: CentreStage = {
    db,
    named,
    shapes,
    site: 'north',
    isRevoked: false,
    put: async (...words) => {
      await db.transaction(async (tx) => await put(tx, words))
      shapes.changed()
    },
    remove: async (table, name) => {
      await db.query('delete from ops.row where tbl = $1 and key = $2', [table, name])
      shapes.changed()
    },
    together: async (work) => {
      await db.transaction(async (tx) => await work(async (...words) => await put(tx, words)))
      shapes.changed()
    },
    fetch: async (request) => await named.app.fetch(request),
    token: () => mintShapeToken(key, { tenant, device }, clock.nowMs()),
    close: async () => {
      await shapes.close()
      await db.close()
      await folder.remove()
    },
  }
  return stage
}

type PutWords = Parameters<CentreStage['put']>

function bodyOf(table: Table, words: string): JsonObject {
  switch (table) {
    case 'asset':
      return { name: words, tag: 't', kind: 'pump', location: 'hall', aliases: [] }
    case 'part':
      return { number: 'n', name: words, unit: 'piece', stock: 1, aliases: [] }
    case 'note':
      return {
        workOrderId: null,
        assetId: null,
        text: words,
        writtenAt: '2026-06-01T00:00:00.000Z',
        writtenBy: 'amara',
        withdrawn: false,
      }
    case 'write_result':
      return { table: 'note', key: words, outcome: 'applied', code: null, reason: null, rowVersion: 0 }
  }
}

export interface CopyStage {
  readonly governed: Governed
  readonly sync: ContextSync
  /** What the log was told. */
  readonly logged: readonly string[]
  /** Compares every table with the centre's, at one transaction each. */
  verify(): Promise<readonly TableVerdict[]>
  /** Names by key, as readers see them. */
  words(table: Table): Promise<Readonly<Record<string, string>>>
  /** Another follower over the same database, as after a restart. */
  again(fetchOver?: typeof fetch, contextVersion?: number): Promise<CopyStage>
  close(): Promise<void>
}

/** The way to the centre as it should be. */
export function straight(centre: CentreStage): typeof fetch {
  return async (input, init) => await centre.fetch(new Request(input, init))
}

export async function openCopy(
  centre: CentreStage,
  fetchOver?: typeof fetch,
  over?: Governed,
  contextVersion = CONTEXT_VERSION,
): Promise<CopyStage> {
  const device = over ?? (await governed())
  if (over === undefined) await migrate(device.db)
  const logged: string[] = []
  const sync = await ContextSync.open({
    db: device.db,
    kernel: device.kernel,
    principal: { kind: 'device', id: DEVICE, roles: ['device'] },
    source: {
      baseUrl: 'http://centre.invalid',
      fetch: fetchOver ?? straight(centre),
      token: () => centre.token(),
      contextVersion,
    },
    clock: systemClock,
    log: openLog({ part: 'test', clock: systemClock, json: true, write: (line) => void logged.push(line) }),
    metrics: device.metrics,
    tables: TABLES,
    random: () => 0.5,
    onApplied: () => undefined,
  })
  sync.start()
  return {
    governed: device,
    sync,
    logged,
    verify: async () => {
      const slice: VerifyParts['slice'] = async (table) =>
        await sliceOf(
          { db: centre.db, settle: async () => await centre.shapes.caughtUp() },
          { tenant, site: centre.site, device: DEVICE },
          table,
        )
      const verdicts: TableVerdict[] = []
      for (const table of TABLES)
        verdicts.push(await verifyTable({ sql: device.db, sync, slice }, table, AbortSignal.timeout(30_000)))
      return verdicts
    },
    words: async (table) => {
      const rows = await device.db.query<{ key: string; name: string }>(
        `select key, coalesce(body->>'name', body->>'text', body->>'key') as name from context.current where tbl = $1 order by key`,
        [table],
      )
      return Object.fromEntries(rows.map(({ key, name }) => [key, name]))
    },
    again: async (next, version = contextVersion) => {
      await sync.stop()
      return await openCopy(centre, next ?? fetchOver, device, version)
    },
    close: async () => {
      await sync.stop()
      await device.close()
    },
  }
}
