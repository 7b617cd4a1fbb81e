/** What the campaign service refuses, each by its own name. */
import { StarlingError } from '../../shared/errors.ts'

export class NoSuchCampaign extends StarlingError {
  override readonly code = 'no_such_campaign'
}

export class CampaignKnown extends StarlingError {
  override readonly code = 'campaign_known'
}

/** Another campaign decides about this bundle. */
export class BundleInCampaign extends StarlingError {
  override readonly code = 'bundle_in_campaign'
}

/** What the log makes of a campaign is not what was written down when it was made: nothing more is decided on it. */
export class CampaignDiverged extends StarlingError {
  override readonly code = 'campaign_diverged'
}
