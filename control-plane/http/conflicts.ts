/** Conflicts and rejected writes over the API, and an operator's choice between two versions. */
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { TenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import { settlePerformer } from '../context/settle.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { atCentre } from '../performer.ts'
import type { Caller } from './access.ts'
import { bodyOf } from './body.ts'

/** Newest first; a person who has more than this to look at needs another tool. */
const MAX_LISTED = 500
const ChoiceSchema = v.strictObject({ take: v.picklist(['ours', 'theirs']) })

export function conflictRoutes(parts: {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly enrolment: Pick<EnrolmentParts, 'tenant'>
}): Hono<Caller> {
  const { tenant } = parts.enrolment
  const app = new Hono<Caller>()
  app.get('/conflicts', async (context) =>
    context.json({
      conflicts: await listConflicts(parts.db, tenant),
      rejected: await listRejected(parts.db, tenant),
    }),
  )
  app.post('/conflicts/:id', async (context) => {
    const id = context.req.param('id')
    const { take } = await bodyOf(context.req, ChoiceSchema)
    const { output } = await atCentre(parts.kernel, settlePerformer({ tenant, clock: parts.clock }), {
      resource: { type: 'context', id: id.slice(0, 100) },
      input: { id, take },
      principal: context.get('principal'),
    })
    return context.json(output)
  })
  return app
}

/** Open ones first, each kind newest first, with the row that they are about as it stands. */
async function listConflicts(sql: Queryable, tenant: TenantId): Promise<readonly JsonObject[]> {
  const rows = await sql.query<{ id: string; body: JsonObject; site: string | null; row: JsonObject | null }>(
    `select c.key as id, c.body, c.site, r.body as row from ops.row c
     left join ops.row r on r.tenant = c.tenant and r.tbl = c.body->>'table' and r.key = c.body->>'key'
     where c.tenant = $1 and c.tbl = 'write_conflict' order by c.body->>'status', c.version desc limit ${MAX_LISTED}`,
    [tenant],
  )
  return rows.map(({ id, body, site, row }) => ({ id, ...body, site, row }))
}

async function listRejected(sql: Queryable, tenant: TenantId): Promise<readonly JsonObject[]> {
  const rows = await sql.query<{ id: string; body: JsonObject; device: string | null }>(
    `select key as id, body, device from ops.row
     where tenant = $1 and tbl = 'write_result' and body->>'outcome' = 'rejected'
     order by version desc limit ${MAX_LISTED}`,
    [tenant],
  )
  return rows.map(({ id, body, device }) => ({ id, device, ...body }))
}
