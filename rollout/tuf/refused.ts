/** Why a piece of TUF metadata, or a target, is not trusted: one class, one literal reason each. */
import { StarlingError } from '../../shared/errors.ts'

const REMEDIES = {
  malformed:
    'Publish metadata that TUF 1.0.34 describes; this file is damaged or was not made by a TUF signer.',
  weak_key: 'Take the key out of the role: under a small-order key one signature fits many messages.',
  unsigned: 'Sign the file with as many different keys of its role as its threshold asks for.',
  wrong_version: 'Publish a version that agrees with the file which names it.',
  rollback: 'Somebody serves an older state: find out who. A recovery needs new keys for the role.',
  expired: 'Publish and sign a newer version; if none is due, check the clock of this device.',
  wrong_bytes:
    'The bytes are not those that the signed metadata names: look for damage, or for somebody on the way.',
  not_listed: 'Publish the missing entry, or ask for a target that the repository lists.',
  wrong_audience:
    'Use the root that was made for this environment and repository: keys of one never speak for another.',
  disagreement: 'Let the image repository and the director name the same bytes.',
} as const

export type RefusalReason = keyof typeof REMEDIES

/** Metadata or a target that may not be used. `role` is the role's name as signed, or the path of a target. */
export class TufRefused extends StarlingError {
  override readonly code = 'tuf_refused'
  readonly reason: RefusalReason
  readonly role: string

  constructor(reason: RefusalReason, role: string, what: string) {
    super(`${role}: ${what}`, { remedy: REMEDIES[reason], details: { reason, role } })
    this.reason = reason
    this.role = role
  }
}
