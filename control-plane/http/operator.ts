/** What operators see of the centre: the policy in force, the operational data. */
import { Hono } from 'hono'
import { CONTEXT_TABLES, type ContextTable } from '../../shared/context/tables.ts'
import type { Database } from '../../shared/sql/port.ts'
import { listRows } from '../context/store.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import type { Caller } from './access.ts'

export function operatorRoutes(parts: {
  readonly db: Database
  readonly enrolment: EnrolmentParts
}): Hono<Caller> {
  const app = new Hono<Caller>()
  app.get('/policy', (context) => {
    const { payload } = parts.enrolment.policy()
    return context.json({ policy: JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as object })
  })
  app.get('/context/:table', async (context) => {
    const table = CONTEXT_TABLES.find((known): known is ContextTable => known === context.req.param('table'))
    if (table === undefined)
      return context.json(
        { code: 'no_such_table', message: 'There is no such table.', remedy: CONTEXT_TABLES.join(', ') },
        404,
      )
    return context.json({ rows: await listRows(parts.db, parts.enrolment.tenant, table) })
  })
  return app
}
