/**
 * The capability that stands between a wish and its effect. The class's constructor is private to this file; `grant`
 * is imported by the kernel alone (a lint rule and `test/architecture.test.ts` enforce it). An admission is good for one
 * use, for one action: `redeem` refuses a forged, used or mismatched one at run time, whatever the types were told.
 */
import { StarlingError } from '../errors.ts'
import type { RecordId } from '../ids.ts'
import type { Json } from '../json.ts'
import type { EffectRequest } from './contract.ts'

export class UngatedEffect extends StarlingError {
  override readonly code = 'ungated_effect'
}

declare const proof: unique symbol
/** Proof that the kernel admitted `I`; opaque until {@link redeem}ed. */
export interface Admitted<I extends Json> {
  readonly [proof]: I
}

interface Grant {
  readonly request: EffectRequest
  readonly recordId: RecordId
}

const grants = new WeakMap<object, Grant>()

/** Makes an admission. For `kernel.ts` alone. */
export function grant<I extends Json>(request: EffectRequest<I>, recordId: RecordId): Admitted<I> {
  const token = Object.freeze({})
  grants.set(token, { request, recordId })
  // The one cast: the token is opaque, and what it stands for is in the map.
  return token as Admitted<I>
}

/** Takes the request out of an admission, once. Throws {@link UngatedEffect} on anything that the kernel did not grant for `action`. */
export function redeem<I extends Json>(
  admitted: Admitted<I>,
  action: string,
): { readonly request: EffectRequest<I>; readonly recordId: RecordId } {
  const found = typeof admitted === 'object' && admitted !== null ? grants.get(admitted) : undefined
  if (found === undefined) throw ungated(action, 'it was not admitted, or its admission was used before')
  if (found.request.action !== action) throw ungated(action, `its admission is for ${found.request.action}`)
  grants.delete(admitted)
  return found as { request: EffectRequest<I>; recordId: RecordId }
}

function ungated(action: string, why: string): UngatedEffect {
  return new UngatedEffect(`the effect ${action} was stopped: ${why}`, {
    remedy: 'Effects are performed by kernel.admit only; this is a fault in the caller.',
  })
}
