/** What campaigns hear beside commands and time: a device's report, and that a device is gone; in the transaction of its record. */
import type { CampaignEvent } from '../../rollout/campaign/events.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { ReportedState } from '../../shared/wire/state.ts'
import type { CentreWork } from '../performer.ts'
import { append } from './event-log.ts'
import { members } from './create.ts'
import { oneAtATime, type RolloutParts } from './decide.ts'
import { nullIfDiverged } from './errors.ts'
import { closeIfOver } from './keep.ts'
import { isAwaited, joinedEvent, reportedEvent } from './members.ts'

/** Where a campaign waits for this device's report, it is added to the campaign's log. */
export async function heardByCampaigns(
  work: CentreWork,
  parts: Pick<RolloutParts, 'clock' | 'campaigns'>,
  { device, reported }: { readonly device: string; readonly reported: ReportedState },
): Promise<void> {
  for (const { id, bundle } of await parts.campaigns.live(work.tx)) {
    const [member] = await members(work.tx, { bundle, only: [device] })
    if (member === undefined) continue
    await oneAtATime(work, id)
    const held = await parts.campaigns.current(work.tx, id).catch(nullIfDiverged)
    if (held === null) continue
    const joined = joinedEvent(held.state, { device, site: member.site, reported })
    const events: CampaignEvent[] = joined === null ? [] : [joined]
    if (isAwaited(held.state, device)) events.push(reportedEvent(held.state, device, reported))
    await closeIfOver(work, id, await append(work, parts.clock, { id, held, events }))
  }
}

/** The device was revoked, or an operator chose for it what a bundle is to be: it counts in no campaign of that any more. */
export async function leftCampaigns(
  work: CentreWork,
  parts: Pick<RolloutParts, 'clock' | 'campaigns'>,
  { device, bundle = null }: { readonly device: string; readonly bundle?: string | null },
): Promise<void> {
  for (const { id, bundle: of } of await parts.campaigns.live(work.tx)) {
    if (bundle !== null && bundle !== of) continue
    await oneAtATime(work, id)
    const held = await parts.campaigns.current(work.tx, id).catch(nullIfDiverged)
    if (held?.state.devices.get(device) === undefined) continue
    const events: readonly CampaignEvent[] = [{ kind: 'left', device }]
    await closeIfOver(work, id, await append(work, parts.clock, { id, held, events }))
  }
}

/** True where a campaign waits for what this device says. */
export async function isReportAwaited(
  sql: Queryable,
  { campaigns }: Pick<RolloutParts, 'campaigns'>,
  device: string,
): Promise<boolean> {
  for (const { id } of await campaigns.live(sql)) {
    const held = await campaigns.current(sql, id).catch(nullIfDiverged)
    if (held !== null && isAwaited(held.state, device)) return true
  }
  return false
}
