/**
 * What a device should run: what its campaign assigns it, else the version that an operator chose for it, else the one that the
 * alias `stable` names; and the policy in force. Publishing alone moves nothing.
 */
import * as v from 'valibot'
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
import { NoSuchRelease } from '../registry/errors.ts'
import { holdBundle, requireNoneUnderWay } from '../registry/under-way.ts'
import type { Campaigns } from '../rollouts/campaigns.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { leftCampaigns } from '../rollouts/heard.ts'

const ChoiceSchema = v.strictObject({
  device: v.string(),
  name: BundleNameSchema,
  /** Null: what is stable, now and later. */
  version: v.nullable(VersionSchema),
})

/** One bundle that an operator chose for a device, whatever is stable. */
export interface Choice {
  readonly device: string
  readonly name: string
  readonly version: string
}

export async function desiredState(
  sql: Queryable,
  policy: Envelope,
  device: DeviceId,
  campaigns: Pick<Campaigns, 'assigned'> = NO_CAMPAIGNS,
): Promise<DesiredState> {
  const rows = await sql.query<Omit<DesiredBundle, 'offer'> & { readonly offer: number | null }>(
    `with choice as (
       select distinct on (name) name, version, id from centre.desired where device = $1 order by name, id desc
     ), wanted as (
       select name, version, id as offer from choice where version is not null
       union all
       select name, version, null from centre.alias a where alias = 'stable'
         and not exists (select 1 from choice c where c.name = a.name and c.version is not null)
     )
     select b.name, b.version, b.envelope_sha256 as "envelopeSha256", octet_length(b.envelope) as "envelopeSizeBytes",
       w.offer
     from wanted w join centre.bundle b on b.name = w.name and b.version = w.version order by b.name`,
    [device],
  )
  const [decisions] = await sql.query<{ last: number }>(
    `select (select count(*) from centre.bundle) + coalesce((select max(id) from centre.desired), 0)
       + coalesce((select max(id) from centre.alias_move), 0)
       + coalesce((select sum(checkpoint_seq) from rollout.campaign), 0)::bigint as last`,
  )
  // Who chooses the same version again orders a retry of what the device gave up.
  const usual = rows.map(({ offer, ...bundle }) => (offer === null ? bundle : { ...bundle, offer }))
  const bundles = new Map(usual.map((bundle): [string, DesiredBundle | null] => [bundle.name, bundle]))
  for (const [name, bundle] of await campaigns.assigned(sql, device)) bundles.set(name, bundle)
  const wanted = [...bundles.values()].filter((bundle) => bundle !== null)
  return {
    v: 1,
    revision: decisions?.last ?? 0,
    bundles: wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    policy,
  }
}

const NO_CAMPAIGNS: Pick<Campaigns, 'assigned'> = { assigned: async () => await Promise.resolve(new Map()) }

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
 * Performs `desired.set`: from its next look on, the device wants this version. Throws {@link NoSuchDevice},
 * {@link NoSuchRelease}, and `BundleInCampaign` while a campaign of the bundle is under way; one that is over lets the device go. That a device takes no version older than the one it runs is the device's to hold.
 */
export function chooseVersionPerformer(
  parts: Pick<RolloutParts, 'clock' | 'campaigns'>,
): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer(
    'desired.set',
    ChoiceSchema,
    async (work, { device, name, version }): Promise<JsonObject> => {
      const { tx, recordId } = work
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
      if (version !== null) {
        await holdBundle(tx, name)
        await requireNoneUnderWay(tx, name, 'nothing is chosen beside it')
        await leftCampaigns(work, parts, { device, bundle: name })
      }
      await tx.query(
        `insert into centre.desired (device, name, version, record_id, set_at)
         values ($1, $2, $3, $4, $5::text::timestamptz)`,
        [device, name, version, recordId, new Date(parts.clock.nowMs()).toISOString()],
      )
      return { device, name, version }
    },
  )
}
