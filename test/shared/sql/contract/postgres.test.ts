import { afterAll, beforeAll, describe } from 'vitest'
import { openPostgres } from '../../../../shared/sql/postgres-database.ts'
import { postgresPrograms, startPostgres, type PostgresServer } from '../../../support/postgres.ts'
import { sqlContract } from './sql-contract.ts'

const bin = await postgresPrograms()

describe.skipIf(bin === null)('PostgreSQL', () => {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    if (bin !== null) server = await startPostgres(bin)
  }, 60_000)
  afterAll(async () => await server?.stop())

  sqlContract('a PostgreSQL server', async () => {
    const db = await openPostgres({ url: server?.url ?? '', name: 'contract' })
    return { db, remove: async () => await db.close() }
  })
})
