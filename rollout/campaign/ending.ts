/** When nothing of a campaign can change any more. */
import type { CampaignState, Standing } from './state.ts'

/**
 * True once a newer campaign decides; or once it was given up, the way back is signed for, and every device that was given the
 * candidate is back, gave it up or left. One that is complete goes on: late joiners get it, and anybody may halt it.
 */
export function isOver({ phase, direction, counts, devices }: CampaignState): boolean {
  if (phase === 'superseded') return true
  if (phase !== 'cancelled' || direction.statement === null || counts.atRisk > 0) return false
  if (counts.proven + counts.failed === 0) return true
  for (const standing of devices.values()) if (hasToReturn(standing)) return false
  return true
}

function hasToReturn({ grant, risk, left }: Standing): boolean {
  return grant !== null && !left && risk !== 'returned'
}
