/** A device's copy with a real kernel, database and the shipped embedding model, for tests of what is asked of it. */
import type { ContextTable, RowOf } from '../../../shared/context/tables.ts'
import type { Principal } from '../../../shared/kernel/contract.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import type { QuestionParts } from '../../../edge-agent/context/questions.ts'
import { openEmbedders, type DeviceEmbedders } from '../../../edge-agent/embedding/shelf.ts'
import { openIndexUpkeep, type IndexUpkeep } from '../../../edge-agent/search/upkeep.ts'
import { governed, type Governed } from '../../support/governed.ts'

export interface Stage extends Governed {
  readonly embedders: DeviceEmbedders
  readonly index: IndexUpkeep
  /** As a sync would leave it; a null body takes the row out. */
  put<T extends ContextTable>(table: T, key: string, body: RowOf<T> | null, version?: number): Promise<void>
  asked(principal: Principal): QuestionParts
}

export const TECHNICIAN: Principal = { kind: 'person', id: 'amara', roles: ['technician'] }
export const SUPERVISOR: Principal = { kind: 'person', id: 'ruth', roles: ['supervisor', 'technician'] }

export async function stage(embeddersOf?: () => DeviceEmbedders): Promise<Stage> {
  const at = await governed()
  await migrate(at.db)
  const embedders = embeddersOf?.() ?? openEmbedders(at.folder, new AbortController().signal)
  const principal: Principal = { kind: 'device', id: 'device-1', roles: ['device'] }
  const index = openIndexUpkeep({ db: at.db, kernel: at.kernel, principal, embedders, clock: at.clock })
  const policy = fieldServicePolicy({ environment: 'development', version: 1, nowMs: at.clock.nowMs() })
  let version = 0
  return {
    ...at,
    embedders,
    index,
    put: async (table, key, body, given) => {
      version += 1
      await at.db.query('delete from context.row where tbl = $1 and key = $2', [table, key])
      if (body === null) return
      await at.db.query(
        'insert into context.row (tbl, key, version, body) values ($1, $2, $3, $4::text::jsonb)',
        [table, key, given ?? version, JSON.stringify(body)],
      )
    },
    asked: (who) => ({
      db: at.db,
      kernel: at.kernel,
      principal: who,
      clock: at.clock,
      embedders,
      policy: () => policy,
      staleness: () => ({ syncedAt: null, stalenessMs: null, indexedAt: index.currentAt() }),
    }),
    close: async () => {
      await embedders.close()
      await at.close()
    },
  }
}

const STATEMENT = {
  validFrom: '2026-01-01T00:00:00.000Z',
  validTo: null,
  recordedAt: '2026-01-01T00:00:00.000Z',
  retractedAt: null,
  sources: [{ system: 'test', record: 'one' }],
  dataClass: 'internal',
  readers: [],
} as const satisfies Partial<RowOf<'document'>>

export function document(
  title: string,
  text: string,
  change: Partial<RowOf<'document'>> = {},
): RowOf<'document'> {
  return {
    ...STATEMENT,
    sources: [...STATEMENT.sources],
    readers: [],
    title,
    kind: 'manual',
    text,
    ...change,
  }
}

export function node(id: string, change: Partial<RowOf<'node'>> = {}): RowOf<'node'> {
  return {
    ...STATEMENT,
    sources: [{ system: 'cmdb', record: id }],
    readers: [],
    node: id,
    kind: 'asset',
    name: id,
    aliases: [],
    properties: {},
    ...change,
  }
}

export function edge(
  from: string,
  kind: RowOf<'edge'>['kind'],
  to: string,
  change: Partial<RowOf<'edge'>> = {},
): RowOf<'edge'> {
  return {
    ...STATEMENT,
    sources: [{ system: 'cmdb', record: `${from}-${to}` }],
    readers: [],
    from,
    kind,
    to,
    properties: {},
    ...change,
  }
}
