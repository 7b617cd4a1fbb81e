/** What a campaign puts on the links: counted once a site, because a site's leaf keeps what it fetched. */
import type { CampaignState } from '../../rollout/campaign/state.ts'
import { windowOf } from '../../rollout/campaign/grant.ts'

export interface Load {
  /** What one site fetches at most: the whole bundle; a delta is less. */
  readonly transferBytes: number
  readonly givenBytes: number
  readonly sites: number
  readonly sitesServed: number
  /** The budget of the window that runs now; null where there is none. */
  readonly window: {
    readonly usedBytes: number
    readonly totalBytes: number | null
    readonly siteBytes: number | null
    readonly windowMs: number
    readonly endsMs: number
  } | null
}

export function loadOf(state: CampaignState): Load {
  const { plan, bandwidth, sites } = state
  const { bytes } = plan.budget
  const at = windowOf(state)
  let [givenBytes, count, sitesServed] = [0, 0, 0]
  for (const site of sites.values()) {
    if (site.devices > 0) count += 1
    if (site.bytes > 0) sitesServed += 1
    givenBytes += site.bytes
  }
  return {
    transferBytes: plan.transferBytes,
    givenBytes,
    sites: count,
    sitesServed,
    window:
      bytes === null
        ? null
        : {
            usedBytes: bandwidth.window === at ? bandwidth.bytes : 0,
            totalBytes: bytes.total,
            siteBytes: bytes.site,
            windowMs: bytes.windowMs,
            endsMs: (at + 1) * bytes.windowMs,
          },
  }
}
