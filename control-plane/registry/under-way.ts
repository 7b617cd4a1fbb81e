/**
 * Campaigns as whoever touches a release beside them has to see them. A campaign and a move by hand of what it moves exclude each
 * other: both take the alias's row first, so that the second one sees what the first one did.
 */
import type { Transaction } from '../../shared/sql/port.ts'
import { BundleInCampaign, ReleaseInUse } from './errors.ts'
import { STABLE } from './stable.ts'
import type { ReleaseRef } from './transitions.ts'

/** In these phases a campaign moves devices, or is about to. */
const UNDER_WAY = ['awaiting_approval', 'running', 'paused', 'halted']

/** For the rest of the transaction nobody else creates a campaign of this bundle, ends one, or moves what is stable. */
export async function holdBundle(tx: Transaction, name: string): Promise<void> {
  await tx.query('select 1 as held from centre.alias where name = $1 and alias = $2 for update', [
    name,
    STABLE,
  ])
}

/** Throws {@link BundleInCampaign}, which names the campaign, while one is under way. */
export async function requireNoneUnderWay(tx: Transaction, name: string, what: string): Promise<void> {
  const rows = await tx.query<{ id: string; phase: string }>(
    'select id, phase from rollout.campaign where bundle = $1 and not over order by created_at, id',
    [name],
  )
  const one = rows.find(({ phase }) => UNDER_WAY.includes(phase))
  if (one === undefined) return
  const { id, phase } = one
  throw new BundleInCampaign(
    `the campaign ${id} (${phase.replaceAll('_', ' ')}) decides about ${name}: ${what}`,
    {
      remedy: `Let it come to its end, or end it: starling rollout cancel ${id}.`,
      details: { campaign: id, phase },
    },
  )
}

/** Throws {@link ReleaseInUse}, which names the campaign, while one brings the release to devices or would bring them back to it. */
export async function requireUnused(tx: Transaction, { name, version }: ReleaseRef): Promise<void> {
  const [one] = await tx.query<{ id: string; role: string }>(
    `select id, case when plan->'candidate'->>'version' = $2 then 'brings it' else 'goes back to it' end as role
     from rollout.campaign where bundle = $1 and not over
       and $2 in (plan->'candidate'->>'version', plan->'lastGood'->>'version') order by created_at, id limit 1`,
    [name, version],
  )
  if (one !== undefined)
    throw new ReleaseInUse(`${name} ${version} is not free: the campaign ${one.id} ${one.role}`, {
      remedy: `Let another campaign take its place, or move "${STABLE}" by hand once it is over.`,
      details: { campaign: one.id },
    })
}
