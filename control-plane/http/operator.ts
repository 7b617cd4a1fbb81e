/** What operators see of the centre: the operational data. */
import * as v from 'valibot'
import { CONTEXT_TABLES, isContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Database } from '../../shared/sql/port.ts'
import { listRows } from '../context/store.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

class NoSuchTable extends StarlingError {
  override readonly code = 'no_such_table'
}

export function operatorEndpoints(parts: {
  readonly db: Database
  readonly enrolment: EnrolmentParts
}): readonly Endpoint[] {
  return [rowsEndpoint(parts.db, parts.enrolment)]
}

function rowsEndpoint(db: Database, { tenant }: EnrolmentParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/context/{table}',
      tag: 'context',
      summary: 'The rows of one table of the operational data, oldest change first, up to 5000.',
      params: v.strictObject({
        table: v.pipe(v.string(), v.description(`one of ${CONTEXT_TABLES.join(', ')}`)),
      }),
      answer: v.object({
        rows: v.array(
          v.object({
            key: v.string(),
            version: v.number(),
            site: v.nullable(v.string()),
            body: v.record(v.string(), v.unknown()),
          }),
        ),
      }),
      refusals: [404],
    },
    async ({ params: { table } }) => {
      if (!isContextTable(table))
        throw new NoSuchTable('There is no such table.', { remedy: CONTEXT_TABLES.join(', ') })
      return { rows: await listRows(db, tenant, table) }
    },
  )
}
