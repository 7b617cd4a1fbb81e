/** The plan of a simulated campaign: the usual one for such a fleet, but for what the settings say. */
import type { CampaignPlan } from '../campaign/plan.ts'
import { usualPlan } from '../campaign/usual-plan.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { World } from './world.ts'

/** A delta of the size of a small model's. */
const TRANSFER_BYTES = 2_000_000

export function simulatedPlan({ settings, sites }: World): CampaignPlan {
  const { devices, seed, rings, emergency } = settings
  const bundle = (version: string) => ({
    name: 'speech',
    version,
    envelopeSha256: sha256Hex(version),
    envelopeSizeBytes: 4_000,
  })
  return usualPlan({
    campaign: 'simulated',
    author: 'author',
    candidate: bundle('1.1.0'),
    lastGood: bundle('1.0.0'),
    baseGeneration: 0,
    salt: `simulated-${seed}`,
    fleet: { devices, sites: sites.length },
    transferBytes: TRANSFER_BYTES,
    urgency: emergency ? 'emergency' : 'usual',
    ...(rings === null ? {} : { shares: rings }),
  })
}
