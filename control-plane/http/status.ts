/** Which HTTP status says what kind of refusal; a code that is not named here is a request that cannot be carried out (422). */
import { StarlingError } from '../../shared/errors.ts'

export type RefusalStatus = 401 | 403 | 404 | 409 | 422 | 429 | 500

const STATUS: Readonly<Record<string, RefusalStatus>> = {
  token_unknown: 401,
  token_expired: 401,
  proof_wrong: 401,
  denied: 403,
  token_elsewhere: 403,
  no_such_device: 404,
  no_such_record: 404,
  no_such_table: 404,
  no_such_release: 404,
  no_such_conflict: 404,
  no_such_approver: 404,
  no_such_campaign: 404,
  repository_wrong_version: 409,
  resumption_unsigned: 403,
  promotion_refused: 403,
  policy_version_wrong: 409,
  approval_refused: 403,
  alias_moved: 409,
  release_retired: 409,
  release_in_use: 409,
  approver_known: 409,
  campaign_known: 409,
  campaign_refused: 409,
  bundle_in_campaign: 409,
  campaign_diverged: 409,
  conflict_settled: 409,
  token_used: 409,
  device_known: 409,
  too_many_attempts: 429,
}

/** 500 for anything that Starling did not name: a fault of ours. */
export function statusOf(thrown: unknown): RefusalStatus {
  return thrown instanceof StarlingError ? (STATUS[thrown.code] ?? 422) : 500
}
