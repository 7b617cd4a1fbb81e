/** `device.report`: what a device says that it runs, kept with the time at which it said so. */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { ReportedStateSchema } from '../../shared/wire/state.ts'
import { parseDeviceId, type TenantId } from '../../shared/ids.ts'
import { pruneResults } from '../context/prune-results.ts'
import { centrePerformer } from '../performer.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { heardByCampaigns } from '../rollouts/heard.ts'

const InputSchema = v.strictObject({ device: v.string(), reported: ReportedStateSchema })

export function reportPerformer({
  tenant,
  rollout,
}: {
  readonly tenant: TenantId
  readonly rollout: Pick<RolloutParts, 'clock' | 'campaigns'>
}): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('device.report', InputSchema, async (work, { device, reported }) => {
    const { tx } = work
    await tx.query(
      'update centre.device set reported = $2::text::jsonb, seen_at = $3::text::timestamptz where id = $1',
      [device, JSON.stringify(reported), new Date(rollout.clock.nowMs()).toISOString()],
    )
    await heardByCampaigns(work, rollout, { device, reported })
    const { results } = reported
    const pruned =
      results === undefined ? 0 : await pruneResults(tx, { tenant, device: parseDeviceId(device) }, results)
    return { device, ...(pruned === 0 ? {} : { resultsPruned: pruned }) }
  })
}
