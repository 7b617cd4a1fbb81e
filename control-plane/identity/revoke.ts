/** Revoking a device: from that moment the centre takes nothing from it and answers nothing; what it sent before stays. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { centrePerformer } from '../performer.ts'

export class NoSuchDevice extends StarlingError {
  override readonly code = 'no_such_device'
}

export function revokePerformer(clock: Clock): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer(
    'device.revoke',
    v.strictObject({ device: v.string() }),
    async ({ tx }, { device }) => {
      const rows = await tx.query<{ revoked_at: string }>(
        `update centre.device set revoked_at = coalesce(revoked_at, $2::text::timestamptz) where id = $1 returning revoked_at`,
        [device, new Date(clock.nowMs()).toISOString()],
      )
      const [row] = rows
      if (row === undefined)
        throw new NoSuchDevice(`no device is called ${device}`, { remedy: 'See the list of devices.' })
      return { device, revokedAt: row.revoked_at }
    },
  )
}
