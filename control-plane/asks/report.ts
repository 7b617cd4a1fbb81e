/** `device.report`: what a device says that it runs, kept with the time at which it said so. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { ReportedStateSchema } from '../../shared/wire/state.ts'
import { centrePerformer } from '../performer.ts'

const InputSchema = v.strictObject({ device: v.string(), reported: ReportedStateSchema })

export function reportPerformer(clock: Clock): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('device.report', InputSchema, async ({ tx }, { device, reported }) => {
    await tx.query(
      'update centre.device set reported = $2::text::jsonb, seen_at = $3::text::timestamptz where id = $1',
      [device, JSON.stringify(reported), new Date(clock.nowMs()).toISOString()],
    )
    return { device }
  })
}
