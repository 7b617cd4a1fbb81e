/** The devices that the centre knows. */
import type { SqlValue } from '../../shared/sql/port.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { parseDeviceId, parseSiteId, type DeviceId, type SiteId } from '../../shared/ids.ts'
import { loadPublicKey, type PublicKey } from '../../shared/signing/ed25519.ts'

export interface KnownDevice {
  readonly id: DeviceId
  readonly site: SiteId
  readonly key: PublicKey
  readonly enrolledAt: string
  readonly revokedAt: string | null
  readonly seenAt: string | null
  /** What the device last said that it runs, as JSON. */
  readonly reported: SqlValue
}

type DeviceRow = {
  readonly id: string
  readonly site: string
  readonly public_key: string
  readonly enrolled_at: string
  readonly revoked_at: string | null
  readonly seen_at: string | null
  readonly reported: SqlValue
}

const COLUMNS = 'id, site, public_key, enrolled_at, revoked_at, seen_at, reported'

/** Null for a device that was never enrolled; a revoked one is returned, and says so. */
export async function findDevice(sql: Queryable, id: string): Promise<KnownDevice | null> {
  const [row] = await sql.query<DeviceRow>(`select ${COLUMNS} from centre.device where id = $1`, [id])
  return row === undefined ? null : deviceOf(row)
}

/** Null also for a device that was revoked. */
export async function deviceInForce(
  sql: Queryable,
  id: string,
): Promise<{ readonly device: DeviceId; readonly site: SiteId; readonly key: PublicKey } | null> {
  const known = await findDevice(sql, id)
  return known === null || known.revokedAt !== null
    ? null
    : { device: known.id, site: known.site, key: known.key }
}

/** Devices in force. */
export async function devicesOfSite(sql: Queryable, site: string): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    'select id from centre.device where site = $1 and revoked_at is null order by id',
    [site],
  )
  return rows.map(({ id }) => id)
}

export async function listDevices(sql: Queryable): Promise<readonly KnownDevice[]> {
  const rows = await sql.query<DeviceRow>(`select ${COLUMNS} from centre.device order by id limit 5000`)
  return rows.map(deviceOf)
}

function deviceOf(row: DeviceRow): KnownDevice {
  return {
    id: parseDeviceId(row.id),
    site: parseSiteId(row.site),
    key: loadPublicKey(row.public_key),
    enrolledAt: row.enrolled_at,
    revokedAt: row.revoked_at,
    seenAt: row.seen_at,
    reported: row.reported,
  }
}
