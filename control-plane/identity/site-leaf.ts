/**
 * For whom a site's leaf speaks. A leaf carries what its credentials name, so the device that keeps one is given new ones when
 * another joins its site, or leaves it. Which site a device belongs to is the word of whoever made its token.
 */
import * as v from 'valibot'
import type { FabricAuthority } from '../../shared/fabric/credentials.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { parseDeviceId, parseSiteId } from '../../shared/ids.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { MAX_SITE_DEVICES, type SiteLeafAnswerSchema } from '../../shared/wire/site.ts'
import { atCentre, centrePerformer } from '../performer.ts'
import { deviceInForce } from './devices.ts'
import { NoSuchDevice } from './revoke.ts'

const InputSchema = v.strictObject({ device: v.string() })

export type SiteLeaf = { readonly devices: readonly string[]; readonly jwt: string }

/** Performs `device.carry`: credentials for the leaf that this device keeps, for all devices in force of its site. */
export function carryPerformer(
  authority: Pick<FabricAuthority, 'issueLeaf'>,
): TransactionalPerformer<JsonObject, SiteLeaf> {
  return centrePerformer('device.carry', InputSchema, async ({ tx }, { device }) => {
    const [keeper] = await tx.query<{ site: string; leaf_key: string }>(
      'select site, leaf_key from centre.device where id = $1 and revoked_at is null',
      [device],
    )
    if (keeper === undefined)
      throw new NoSuchDevice(`no device in force is called ${device}`, { remedy: 'See the list of devices.' })
    const devices = await devicesAt(tx, keeper.site, device)
    const jwt = await authority.issueLeaf({
      site: parseSiteId(keeper.site),
      devices: devices.map((name) => parseDeviceId(name)),
      userKey: keeper.leaf_key,
    })
    return { devices, jwt }
  })
}

/** The answer to a device that keeps a leaf whose credentials speak for `devices`; nothing is issued where that is right. */
export async function siteLeafAnswer(
  parts: {
    readonly sql: Queryable
    readonly kernel: Kernel
    readonly authority: Pick<FabricAuthority, 'issueLeaf'>
  },
  { device, devices }: { readonly device: string; readonly devices: readonly string[] },
): Promise<v.InferOutput<typeof SiteLeafAnswerSchema>> {
  const known = await deviceInForce(parts.sql, device)
  const wanted = known === null ? [] : await devicesAt(parts.sql, known.site, device)
  if (wanted.join() === devices.join()) return { v: 1, devices: [...wanted], jwt: null }
  const { output } = await atCentre(parts.kernel, carryPerformer(parts.authority), {
    resource: { type: 'device', id: device },
    input: { device },
  })
  return { v: 1, devices: [...output.devices], jwt: output.jwt }
}

/** Who keeps the leaf first, then the others in the order in which they came; a leaf speaks for so many and no more. */
async function devicesAt(sql: Queryable, site: string, keeper: string): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    `select id from centre.device where site = $1 and revoked_at is null
     order by id <> $2, enrolled_at, id limit ${MAX_SITE_DEVICES}`,
    [site, keeper],
  )
  return rows.map(({ id }) => id)
}
