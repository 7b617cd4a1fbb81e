/** One name for all that a campaign knows: two machines that took the same events compare this and nothing else. */
import { canonicalText } from '../../shared/canonical.ts'
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { Sha256Hex } from '../../shared/ids.ts'
import type { Json } from '../../shared/json.ts'
import type { CampaignState } from './state.ts'

/**
 * SHA-256 over the canonical form of the state, devices and sites by their names. The agenda is left out: it only repeats, for
 * the next tick, what the devices say. Costs a walk over the fleet: for checkpoints and comparisons, not for every event.
 */
export function stateHash(state: CampaignState): Sha256Hex {
  const { devices, sites, agenda: _agenda, plan: _plan, ...rest } = state
  return digestOf({
    ...(rest as unknown as Record<string, Json>),
    devices: linesHash(devices.values(), ({ device }) => device),
    sites: linesHash(sites.values(), ({ site }) => site),
  })
}

function linesHash<T>(items: Iterable<T>, nameOf: (item: T) => string): string {
  const lines: (readonly [name: string, line: string])[] = []
  for (const item of items) lines.push([nameOf(item), canonicalText(item as unknown as Json)])
  lines.sort(([a], [b]) => (a < b ? -1 : 1))
  return sha256Hex(lines.map(([, line]) => line).join('\n'))
}
