/**
 * What a device should run: the version that an operator chose for it, else the newest published one of each bundle that
 * is not held back, and the policy in force.
 */
import * as v from 'valibot'
import { compareVersions } from '../../rollout/version.ts'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Envelope } from '../../shared/signing/envelope.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import type { DesiredBundle, DesiredState } from '../../shared/wire/state.ts'
import { findDevice } from '../identity/devices.ts'
import { NoSuchDevice } from '../identity/revoke.ts'
import { centrePerformer } from '../performer.ts'

export class NoSuchRelease extends StarlingError {
  override readonly code = 'no_such_release'
}

const ChoiceSchema = v.strictObject({
  device: v.string(),
  name: BundleNameSchema,
  /** Null: the newest, now and later. */
  version: v.nullable(VersionSchema),
})

/** One bundle that an operator chose for a device, whatever is newer. */
export interface Choice {
  readonly device: string
  readonly name: string
  readonly version: string
}

export async function desiredState(
  sql: Queryable,
  policy: Envelope,
  device: DeviceId,
): Promise<DesiredState> {
  const rows = await sql.query<{
    name: string
    version: string
    held: boolean
    envelope_sha256: string
    size: number
  }>('select name, version, held, envelope_sha256, octet_length(envelope) as size from centre.bundle')
  const choices = await listChoices(sql, device)
  const best = new Map<string, DesiredBundle>()
  for (const { name, version, held, envelope_sha256, size } of rows) {
    const chosen = choices.find((choice) => choice.name === name)?.version
    if (chosen === undefined ? held : chosen !== version) continue
    const before = best.get(name)
    if (before === undefined || compareVersions(version, before.version) > 0)
      best.set(name, { name, version, envelopeSha256: envelope_sha256, envelopeSizeBytes: size })
  }
  const [decisions] = await sql.query<{ last: number }>(
    'select coalesce(max(id), 0) as last from centre.desired',
  )
  const bundles = [...best.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { v: 1, revision: rows.length + (decisions?.last ?? 0), bundles, policy }
}

/** The choices that hold, of one device or of all. */
export async function listChoices(
  sql: Queryable,
  device: DeviceId | null = null,
): Promise<readonly Choice[]> {
  const rows = await sql.query<{ device: string; name: string; version: string | null }>(
    `select distinct on (device, name) device, name, version from centre.desired
     where $1::text is null or device = $1 order by device, name, id desc`,
    [device],
  )
  return rows.flatMap(({ version, ...rest }) => (version === null ? [] : [{ ...rest, version }]))
}

/**
 * Performs `desired.set`: from its next look on, the device wants this version. Throws {@link NoSuchDevice} and
 * {@link NoSuchRelease}. That a device takes no version older than the one it runs is the device's to hold.
 */
export function chooseVersionPerformer(clock: Clock): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer(
    'desired.set',
    ChoiceSchema,
    async ({ tx, recordId }, { device, name, version }): Promise<JsonObject> => {
      if ((await findDevice(tx, device)) === null)
        throw new NoSuchDevice(`no device is called ${device}`, { remedy: 'See the list of devices.' })
      const [release] = await tx.query(
        'select 1 as held from centre.bundle where name = $1 and ($2::text is null or version = $2) limit 1',
        [name, version],
      )
      if (release === undefined)
        throw new NoSuchRelease(`there is no release ${name} ${version ?? ''}`.trim(), {
          remedy: 'See the list of releases.',
        })
      await tx.query(
        `insert into centre.desired (device, name, version, record_id, set_at)
         values ($1, $2, $3, $4, $5::text::timestamptz)`,
        [device, name, version, recordId, new Date(clock.nowMs()).toISOString()],
      )
      return { device, name, version }
    },
  )
}
