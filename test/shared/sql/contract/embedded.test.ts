import { openDatabase } from '../../../../shared/sql/open-database.ts'
import { dataFolder } from '../../../support/data-folder.ts'
import { sqlContract } from './sql-contract.ts'

sqlContract('PGlite in a worker thread', async () => {
  const folder = await dataFolder('sql-contract')
  const db = await openDatabase({ dir: folder.path })
  return {
    db,
    remove: async () => {
      await db.close()
      await folder.remove()
    },
  }
})
