/** Conflicts and rejected writes over the API, and an operator's choice between two versions. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { ROW_SCHEMAS, type RowOf } from '../../shared/context/tables.ts'
import type { TenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import { settlePerformer } from '../context/settle.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

/** Newest first; a person who has more than this to look at needs another tool. */
const MAX_LISTED = 500
const Take = v.picklist(['ours', 'theirs'])

const ConflictView = v.object({
  id: v.string(),
  ...ROW_SCHEMAS.write_conflict.entries,
  site: v.nullable(v.string()),
  row: v.pipe(
    v.nullable(v.record(v.string(), v.unknown())),
    v.description('the row that it is about, as it stands'),
  ),
})
const RejectedView = v.object({
  id: v.string(),
  device: v.nullable(v.string()),
  ...ROW_SCHEMAS.write_result.entries,
})

type Conflict = v.InferInput<typeof ConflictView>
type Rejected = v.InferInput<typeof RejectedView>

interface ConflictParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly enrolment: Pick<EnrolmentParts, 'tenant'>
}

export function conflictEndpoints({ db, kernel, clock, enrolment }: ConflictParts): readonly Endpoint[] {
  const { tenant } = enrolment
  return [
    endpoint(
      {
        method: 'get',
        path: '/conflicts',
        tag: 'conflicts',
        summary:
          'Changes of one field that did not see each other, open ones first, and writes that were rejected.',
        answer: v.object({ conflicts: v.array(ConflictView), rejected: v.array(RejectedView) }),
        refusals: [],
      },
      async () => ({
        conflicts: await listConflicts(db, tenant),
        rejected: await listRejected(db, tenant),
      }),
    ),
    endpoint(
      {
        method: 'post',
        path: '/conflicts/{id}',
        tag: 'conflicts',
        summary: 'Chooses between the two versions of a field; who is heard first has chosen.',
        params: v.strictObject({ id: v.string() }),
        body: v.strictObject({ take: Take }),
        answer: v.object({ id: v.string(), take: Take }),
        refusals: [403, 404, 409, 422],
      },
      async ({ params: { id }, body: { take }, principal }) => {
        await doneAt(kernel)(settlePerformer({ tenant, clock }), {
          resource: { type: 'context', id: id.slice(0, 100) },
          input: { id, take },
          principal,
        })
        return { id, take }
      },
    ),
  ]
}

/** Open ones first, each kind newest first, with the row that they are about as it stands. */
async function listConflicts(sql: Queryable, tenant: TenantId): Promise<readonly Conflict[]> {
  const rows = await sql.query<{
    id: string
    body: RowOf<'write_conflict'>
    site: string | null
    row: JsonObject | null
  }>(
    `select c.key as id, c.body, c.site, r.body as row from ops.row c
     left join ops.row r on r.tenant = c.tenant and r.tbl = c.body->>'table' and r.key = c.body->>'key'
     where c.tenant = $1 and c.tbl = 'write_conflict' order by c.body->>'status', c.version desc limit ${MAX_LISTED}`,
    [tenant],
  )
  return rows.map(({ id, body, site, row }) => ({ id, ...body, site, row }))
}

async function listRejected(sql: Queryable, tenant: TenantId): Promise<readonly Rejected[]> {
  const rows = await sql.query<{ id: string; body: RowOf<'write_result'>; device: string | null }>(
    `select key as id, body, device from ops.row
     where tenant = $1 and tbl = 'write_result' and body->>'outcome' = 'rejected'
     order by version desc limit ${MAX_LISTED}`,
    [tenant],
  )
  return rows.map(({ id, body, device }) => ({ id, device, ...body }))
}
