/**
 * Both versions on the same live input of one device: what is hard about the device, its site or the day is the same for both.
 * One device's window is one observation, however many inputs it saw, since they hang together. Two questions: of the
 * disagreements, were more for the worse (HALT)? And of all inputs, is the surplus of worse ones below the margin (PROMOTE)?
 *
 * A report that comes late holds many windows, and only their sums: taken as so many windows with equal parts it would claim more
 * than each of them could have shown, and good releases would halt. It stays one observation.
 */
import { openCapitals, settle, type Capitals } from './capitals.ts'
import type { GateFact } from './fact.ts'

export interface ShadowState {
  readonly kind: 'shadow'
  /** Of the disagreements. */
  readonly signs: Capitals
  /** Of all inputs. */
  readonly shares: Capitals
  inputs: number
  worse: number
  better: number
}

export function openShadowGate(): ShadowState {
  return { kind: 'shadow', signs: openCapitals(), shares: openCapitals(), inputs: 0, worse: 0, better: 0 }
}

export function observeShadow(state: ShadowState, fact: GateFact): void {
  if (fact.kind !== 'shadowed' || fact.inputs <= 0) return
  const { inputs, worse, better } = fact
  if (worse + better > 0) bet(state.signs, (worse - better) / (worse + better))
  bet(state.shares, (worse - better) / inputs)
  state.inputs += inputs
  state.worse += worse
  state.better += better
}

/** Bets on a difference from -1 to 1; the widest is never further from a shift than what it is divided by. */
function bet(capitals: Capitals, difference: number): void {
  settle(capitals, {
    above: (shift) => (difference - shift) / (1 + Math.abs(shift)),
    below: (shift) => (shift - difference) / (1 + Math.abs(shift)),
  })
}
