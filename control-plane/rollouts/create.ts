/** Performs `rollout.create`: the plan is made, held against itself and the registry, and kept; nothing moves before it is approved. */
import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import { planDigest } from '../../rollout/campaign/plan.ts'
import { openCampaign, type CampaignState } from '../../rollout/campaign/state.ts'
import { stateHash } from '../../rollout/campaign/digest.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { judgePromotion } from '../../shared/policy/promotion.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import { BundleManifestSchema } from '../../shared/wire/bundle.ts'
import { ReportedStateSchema } from '../../shared/wire/state.ts'
import { CENTRE, centrePerformer } from '../performer.ts'
import { listAliases } from '../registry/aliases.ts'
import { STABLE } from '../registry/stable.ts'
import { NoSuchRelease } from '../registry/errors.ts'
import { findRelease, releaseInUse, tagsOf } from '../registry/find-release.ts'
import { holdBundle, requireNoneUnderWay } from '../registry/under-way.ts'
import { authorOf, noteTransition, type ReleaseRef } from '../registry/transitions.ts'
import { decide, outcomeOf, type RolloutParts } from './decide.ts'
import { DraftSchema, planOf, type Draft } from './draft.ts'
import { CampaignKnown } from './errors.ts'
import { supersede } from './supersede.ts'
import { joinedEvent, reportedEvent, type Member } from './members.ts'

const SALT_BYTES = 16

export function createPerformer(parts: RolloutParts): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('rollout.create', DraftSchema, async (work, draft) => {
    const { tx, principal, recordId } = work
    const id = draft.campaign
    const [known] = await tx.query('select 1 as found from rollout.campaign where id = $1', [id])
    if (known !== undefined)
      throw new CampaignKnown(`there was a campaign ${id} before`, { remedy: 'Give it another name.' })
    await holdBundle(tx, draft.bundle)
    await requireNoneUnderWay(tx, draft.bundle, 'one at a time')
    const candidate = await releaseInUse(tx, { name: draft.bundle, version: draft.version })
    const baseGeneration = await supersede(work, parts, {
      name: draft.bundle,
      reason: `${id} takes its place`,
      phases: ['complete'],
    })
    const fleet = await members(tx, { bundle: draft.bundle })
    const plan = planOf(draft, {
      author: principal.id,
      candidate,
      lastGood: await lastGoodOf(tx, draft.bundle),
      baseGeneration,
      salt: randomBytes(SALT_BYTES).toString('hex'),
      transferBytes: await bytesOf(tx, draft),
      approvalsNeeded: await approvalsNeeded(tx, parts, { name: draft.bundle, version: draft.version }),
      fleet: { devices: fleet.length, sites: new Set(fleet.map(({ site }) => site)).size },
    })
    const nowMs = parts.clock.nowMs()
    const empty = openCampaign(plan, nowMs)
    await tx.query(
      `insert into rollout.campaign (id, bundle, plan, author, record_id, created_at, opened_ms, phase, checkpoint_hash)
       values ($1, $2, $3::text::jsonb, $4, $5, $6::text::timestamptz, $7, $8, $9)`,
      [
        id,
        draft.bundle,
        JSON.stringify(plan),
        principal.id,
        recordId,
        new Date(nowMs).toISOString(),
        nowMs,
        empty.phase,
        stateHash(empty),
      ],
    )
    await noteTransition(work, parts.clock, {
      name: draft.bundle,
      version: draft.version,
      kind: 'staged',
      detail: { campaign: id },
    })
    const made = await decide(work, parts, { id, eventsOf: (state) => entering(state, fleet) })
    return { ...outcomeOf(id, made), planDigest: planDigest(plan) }
  })
}

/** That these devices are in the fleet, and what they said last, where the campaign does not know it. */
export function* entering(state: CampaignState, fleet: readonly Member[]): Generator<CampaignEvent> {
  for (const member of fleet) {
    const joined = joinedEvent(state, member)
    if (joined !== null) yield joined
    const isHeard = (state.devices.get(member.device)?.report ?? null) !== null
    if (member.reported !== null && !isHeard) yield reportedEvent(state, member.device, member.reported)
  }
}

/**
 * Devices in force, or these of them; without those for which an operator chose a version of the bundle: who was chosen for
 * follows no campaign.
 */
export async function members(
  sql: Queryable,
  { bundle, only = null }: { readonly bundle: string; readonly only?: readonly string[] | null },
): Promise<readonly Member[]> {
  const rows = await sql.query<{ id: string; site: string; reported: Json }>(
    `select id, site, reported from centre.device d where revoked_at is null
     and ($1::text is null or id in (select jsonb_array_elements_text($1::text::jsonb)))
     and not exists (select 1 from centre.desired c where c.device = d.id and c.name = $2 and c.version is not null
       and not exists (select 1 from centre.desired n where n.device = c.device and n.name = c.name and n.id > c.id))
     order by id`,
    [only === null ? null : JSON.stringify(only), bundle],
  )
  return rows.map(({ id, site, reported }) => {
    const parsed = v.safeParse(ReportedStateSchema, reported)
    return { device: id, site, reported: parsed.success ? parsed.output : null }
  })
}

async function lastGoodOf(tx: Transaction, name: string) {
  const stable = (await listAliases(tx, name)).find(({ alias }) => alias === STABLE)
  if (stable === undefined)
    throw new NoSuchRelease(`no release of ${name} is "${STABLE}": there is nothing to go back to`, {
      remedy: `Choose one: starling registry promote ${name} VERSION.`,
    })
  return await findRelease(tx, { name, version: stable.version })
}

/** What the policy will ask for at the end, of a release with these tags. */
async function approvalsNeeded(tx: Transaction, parts: RolloutParts, of: ReleaseRef): Promise<number> {
  const { environment } = parts
  const { roles } = CENTRE
  const verdict = judgePromotion(parts.policy().document.promotions, {
    alias: STABLE,
    environment,
    tags: await tagsOf(tx, of),
    roles,
    author: await authorOf(tx, of),
    approvers: [],
  })
  return verdict.needed
}

/** What a site fetches at most: the whole bundle. */
async function bytesOf(tx: Transaction, { bundle, version }: Draft): Promise<number> {
  const [row] = await tx.query<{ manifest: Json }>(
    'select manifest from centre.bundle where name = $1 and version = $2',
    [bundle, version],
  )
  const manifest = v.safeParse(BundleManifestSchema, row?.manifest)
  if (!manifest.success) return 1
  return Math.max(
    1,
    manifest.output.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
}
