/** What the registry refuses, each by its own name. */
import { StarlingError } from '../../shared/errors.ts'

export class NoSuchRelease extends StarlingError {
  override readonly code = 'no_such_release'
}

export class ReleaseRetired extends StarlingError {
  override readonly code = 'release_retired'
}

export class ReleaseInUse extends StarlingError {
  override readonly code = 'release_in_use'
}

/** A campaign decides about this bundle. */
export class BundleInCampaign extends StarlingError {
  override readonly code = 'bundle_in_campaign'
}

/** The alias names something else than whoever moves it believed. */
export class AliasMoved extends StarlingError {
  override readonly code = 'alias_moved'
}

export class PromotionRefused extends StarlingError {
  override readonly code = 'promotion_refused'
}

export class ApprovalRefused extends StarlingError {
  override readonly code = 'approval_refused'
}

export class ApproverKnown extends StarlingError {
  override readonly code = 'approver_known'
}

export class NoSuchApprover extends StarlingError {
  override readonly code = 'no_such_approver'
}
