/**
 * Revoking a device: from that moment the centre takes nothing from it and answers nothing, and the hub ends its link and
 * lets it in no more; what it sent before stays.
 */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { centrePerformer } from '../performer.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { leftCampaigns } from '../rollouts/heard.ts'

export class NoSuchDevice extends StarlingError {
  override readonly code = 'no_such_device'
}

export type Revoked = { readonly device: string; readonly revokedAt: string }

export function revokePerformer(
  rollout: Pick<RolloutParts, 'clock' | 'campaigns'>,
): TransactionalPerformer<JsonObject, Revoked> {
  return centrePerformer(
    'device.revoke',
    v.strictObject({ device: v.string() }),
    async (work, { device }) => {
      const { tx } = work
      const rows = await tx.query<{ revoked_at: string }>(
        `update centre.device set revoked_at = coalesce(revoked_at, $2::text::timestamptz) where id = $1 returning revoked_at`,
        [device, new Date(rollout.clock.nowMs()).toISOString()],
      )
      const [row] = rows
      if (row === undefined)
        throw new NoSuchDevice(`no device is called ${device}`, { remedy: 'See the list of devices.' })
      await leftCampaigns(work, rollout, { device })
      return { device, revokedAt: row.revoked_at }
    },
  )
}

/** The NATS user keys of revoked devices, or of one of them: the device's own and its leaf's. */
export async function revokedKeys(sql: Queryable, device: string | null = null): Promise<readonly string[]> {
  const rows = await sql.query<{ user_key: string; leaf_key: string }>(
    `select user_key, leaf_key from centre.device
     where revoked_at is not null and ($1::text is null or id = $1)`,
    [device],
  )
  return rows.flatMap(({ user_key, leaf_key }) => [user_key, leaf_key])
}
