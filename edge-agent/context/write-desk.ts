/** Where a person looks at changes that are not through, and decides about them: what the local API and the command show. */
import { isContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { LocalWrites } from './local-writes.ts'
import { countDropped, listQuarantined, type QuarantinedWrite } from './quarantine.ts'
import { listConflicts, type Held } from './reads.ts'
import { deedPerformer, settlePerformer, type Take, type WriteDeed } from './write-performers.ts'

/** The page shows the newest changes on their way; their number is in the status. */
const SHOWN_PENDING = 50

/** What somebody decided was denied, or could not be done, with the code of the reason. */
export class NotDecided extends StarlingError {
  override readonly code: string

  constructor(report: { readonly code: string; readonly message: string; readonly remedy: string }) {
    super(report.message, { remedy: report.remedy })
    this.code = report.code
  }
}

/** The row's name as people say it. */
type Named = { readonly what: string }

export type PendingWrite = Named & {
  readonly id: string
  readonly table: string
  readonly key: string
  readonly patch: JsonObject
  /** When it was made by the device's clock, ISO 8601 in UTC. */
  readonly at: string
  /** The write that it takes back, and whether one takes it back. */
  readonly undoes: string | null
  readonly undone: boolean
}

export interface WritesShown {
  /** When the centre was last heard; null for never. Conflicts and rejections are as of then. */
  readonly syncedAt: string | null
  readonly stalenessMs: number | null
  readonly conflicts: readonly (Held<'write_conflict'> & Named)[]
  readonly rejected: readonly (QuarantinedWrite & Named)[]
  /** Rejected ones that were dropped because there were too many; the journal has them. */
  readonly dropped: number
  readonly pending: readonly PendingWrite[]
}

export interface WriteDesk {
  /** `all`: conflicts that are settled too. */
  show(options: { readonly all: boolean }): Promise<WritesShown>
  settle(id: string, take: Take): Promise<JsonObject>
  decide(id: string, deed: WriteDeed): Promise<JsonObject>
}

export function openWriteDesk(parts: {
  readonly sql: Queryable
  readonly kernel: Kernel
  readonly writes: LocalWrites
  readonly person: Principal
  staleness(): { readonly syncedAt: string | null; readonly stalenessMs: number | null }
}): WriteDesk {
  const { sql, writes } = parts
  const admit = async (
    performer: TransactionalPerformer<JsonObject, JsonObject>,
    resource: { readonly type: string; readonly id: string },
    input: JsonObject,
  ): Promise<JsonObject> => {
    const { action } = performer
    const request = { principal: parts.person, action, resource, dataClass: 'internal', input } as const
    const answer = await parts.kernel.admit(performer, { ...request, confidence: null, turn: null, cost: 1 })
    if (answer.kind === 'performed') return answer.output
    if (answer.kind === 'failed') throw new NotDecided(answer)
    const remedy = 'Ask for a policy that permits it to this person.'
    throw new NotDecided({ code: 'denied', message: `it is not allowed: ${answer.reason}`, remedy })
  }
  return {
    show: async (options) => ({
      ...parts.staleness(),
      conflicts: await named(sql, await listConflicts(sql, options)),
      rejected: await named(sql, await listQuarantined(sql)),
      dropped: await countDropped(sql),
      pending: await named(sql, await listPending(sql)),
    }),
    settle: async (id, take) =>
      await admit(settlePerformer(writes), { type: 'context', id: id.slice(0, 100) }, { id, take }),
    decide: async (id, deed) =>
      await admit(deedPerformer(writes, deed), { type: 'context', id: id.slice(0, 100) }, { id }),
  }
}

async function listPending(sql: Queryable): Promise<readonly Omit<PendingWrite, 'what'>[]> {
  const rows = await sql.query<{
    id: string
    table: string
    key: string
    patch: JsonObject
    undoes: string | null
    undone: boolean
    stamp_ms: number
  }>(
    `select write_id as id, tbl as "table", key, patch, stamp_ms, undoes,
       exists (select 1 from local.undone u where u.write_id = o.write_id) as undone
     from local.overlay o where tbl <> 'write_conflict' order by seq desc limit ${SHOWN_PENDING}`,
  )
  return rows.map(({ stamp_ms, ...row }) => ({ ...row, at: new Date(stamp_ms).toISOString() }))
}

async function named<W extends { readonly table: string; readonly key: string }>(
  sql: Queryable,
  list: readonly W[],
): Promise<readonly (W & Named)[]> {
  const out: (W & Named)[] = []
  for (const one of list) out.push({ ...one, what: await nameOf(sql, one) })
  return out
}

/** Columns by which people know a row, most telling first. */
const TELLING = ['number', 'name', 'title', 'text', 'quantity', 'partNumber', 'question'] as const
const SHOWN_CHARACTERS = 60

async function nameOf(
  sql: Queryable,
  { table, key }: { readonly table: string; readonly key: string },
): Promise<string> {
  const noun = table.replaceAll('_', ' ')
  if (!isContextTable(table)) return noun
  const [row] = await sql.query<{ body: JsonObject }>(
    'select body from context.current where tbl = $1 and key = $2',
    [table, key],
  )
  const words = TELLING.map((column) => row?.body[column])
    .filter((value): value is string => typeof value === 'string' && value !== '')
    .slice(0, 2)
  return [noun, words.join(', ')].join(' ').trim().slice(0, SHOWN_CHARACTERS)
}
