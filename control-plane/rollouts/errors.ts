/** What the campaign service refuses, each by its own name. */
import { StarlingError } from '../../shared/errors.ts'

export class NoSuchCampaign extends StarlingError {
  override readonly code = 'no_such_campaign'
}

export class CampaignKnown extends StarlingError {
  override readonly code = 'campaign_known'
}

/** What the log makes of a campaign is not what was written down when it was made: nothing more is decided on it. */
export class CampaignDiverged extends StarlingError {
  override readonly code = 'campaign_diverged'
}

/** For `catch`: null for a campaign about which nobody can say what was decided; every other error goes on. */
export function nullIfDiverged(thrown: unknown): null {
  if (thrown instanceof CampaignDiverged) return null
  throw thrown
}

/** For `catch`: null also for one that is not there yet. */
export function nullIfUnknown(thrown: unknown): null {
  if (thrown instanceof NoSuchCampaign) return null
  return nullIfDiverged(thrown)
}

/** A halted campaign that somebody would resume without a signature. */
export class ResumptionUnsigned extends StarlingError {
  override readonly code = 'resumption_unsigned'
}
