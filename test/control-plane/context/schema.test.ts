import { expect, it } from 'vitest'
import { OPS_SCHEMA } from '../../../control-plane/context/schema.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import { dataFolder } from '../../support/data-folder.ts'

it('takes up a database whose views an earlier version made with other columns', async () => {
  const folder = await dataFolder('ops-schema')
  const db = await openDatabase({ dir: folder.path })
  try {
    await db.script(OPS_SCHEMA)
    await db.script(
      'drop view ops.write_result; create view ops.write_result as select tenant, key as former from ops.row',
    )
    await db.script(OPS_SCHEMA)
    expect(await db.query('select id, code from ops.write_result')).toEqual([])
  } finally {
    await db.close()
    await folder.remove()
  }
})
