/** `device.report`: what a device says that it runs, kept with the time at which it said so. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { ReportedStateSchema } from '../../shared/wire/state.ts'
import { parseDeviceId, type TenantId } from '../../shared/ids.ts'
import { pruneResults } from '../context/prune-results.ts'
import { centrePerformer } from '../performer.ts'

const InputSchema = v.strictObject({ device: v.string(), reported: ReportedStateSchema })

export function reportPerformer({
  tenant,
  clock,
}: {
  readonly tenant: TenantId
  readonly clock: Clock
}): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('device.report', InputSchema, async ({ tx }, { device, reported }) => {
    await tx.query(
      'update centre.device set reported = $2::text::jsonb, seen_at = $3::text::timestamptz where id = $1',
      [device, JSON.stringify(reported), new Date(clock.nowMs()).toISOString()],
    )
    const { results } = reported
    const pruned =
      results === undefined ? 0 : await pruneResults(tx, { tenant, device: parseDeviceId(device) }, results)
    return { device, ...(pruned === 0 ? {} : { resultsPruned: pruned }) }
  })
}
