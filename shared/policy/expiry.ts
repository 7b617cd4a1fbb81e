/** That a policy is about to lapse: from then on only its strict rules permit anything, so people hear of it days before. */
import type { Log } from '../log.ts'
import type { Clock } from '../clock.ts'
import type { PolicyDocument } from './policy.ts'

const DAY_MS = 86_400_000
/** Long enough for a change that two people have to sign, over a holiday. */
export const EXPIRY_NOTICE_MS = 21 * DAY_MS
/** Of a policy that was made for a short time: its last third. */
const NOTICE_SHARE = 1 / 3

export interface ExpiryNotice {
  readonly code: 'policy_near_expiry' | 'policy_expired'
  /** Whole days that are left, rounded down; 0 on its last day and past it. */
  readonly daysLeft: number
  readonly message: string
  readonly remedy: string
}

/** Null as long as there is nothing to be said. Pure. */
export function expiryNotice(
  { version, validFrom, expiresAt }: Pick<PolicyDocument, 'version' | 'validFrom' | 'expiresAt'>,
  nowMs: number,
): ExpiryNotice | null {
  const endMs = Date.parse(expiresAt)
  const leftMs = endMs - nowMs
  if (leftMs > Math.min(EXPIRY_NOTICE_MS, (endMs - Date.parse(validFrom)) * NOTICE_SHARE)) return null
  const remedy = `Publish the next version with a later expiresAt: starling policy show > policy.json, change version to ${version + 1} and expiresAt, starling policy publish policy.json.`
  if (leftMs <= 0)
    return {
      code: 'policy_expired',
      daysLeft: 0,
      message: `the policy ${version} expired at ${expiresAt}: only its strict rules permit anything`,
      remedy,
    }
  const daysLeft = Math.floor(leftMs / DAY_MS)
  return {
    code: 'policy_near_expiry',
    daysLeft,
    message: `the policy ${version} expires ${inDays(daysLeft)}, at ${expiresAt}: from then on only its strict rules permit anything`,
    remedy,
  }
}

function inDays(days: number): string {
  return days === 0 ? 'within a day' : days === 1 ? 'in 1 day' : `in ${days} days`
}

/** Says it to the log now and every day; returns what ends that. */
export function watchExpiry(
  parts: {
    readonly policy: () => { readonly document: PolicyDocument }
    readonly clock: Clock
    readonly log: Log
  },
  everyMs = DAY_MS,
): () => void {
  const say = (): void => {
    const notice = expiryNotice(parts.policy().document, parts.clock.nowMs())
    if (notice !== null) parts.log.warn(notice.message, { code: notice.code, remedy: notice.remedy })
  }
  say()
  const timer = setInterval(say, everyMs).unref()
  return () => clearInterval(timer)
}
