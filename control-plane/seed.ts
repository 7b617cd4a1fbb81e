/** Puts the sample data into a centre that has none, as one admitted effect. */
import * as v from 'valibot'
import type { TenantId } from '../shared/ids.ts'
import type { Kernel } from '../shared/kernel/contract.ts'
import { SAMPLE_DATA } from './context/sample-data.ts'
import { sampleKnowledge } from './context/sample-knowledge.ts'
import { putRow } from './context/store.ts'
import { atCentre, centrePerformer } from './performer.ts'

/** True when it filled an empty centre; one that holds anything is left alone. */
export async function seedSampleData(kernel: Kernel, tenant: TenantId): Promise<boolean> {
  const performer = centrePerformer('context.seed', v.strictObject({}), async ({ tx }) => {
    const [held] = await tx.query('select 1 as held from ops.row where tenant = $1 limit 1', [tenant])
    if (held !== undefined) return { rows: 0 }
    const rows = [...SAMPLE_DATA, ...sampleKnowledge()]
    for (const { table, key, body } of rows)
      await putRow(tx, { tenant, table, key, body, site: null, device: null, write: null })
    return { rows: rows.length }
  })
  const { output } = await atCentre(kernel, performer, {
    resource: { type: 'context', id: tenant },
    input: {},
  })
  return output.rows > 0
}
