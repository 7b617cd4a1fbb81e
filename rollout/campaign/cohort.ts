/**
 * Where a device stands in a campaign's order: a number from 0 to 1 out of the campaign's salt and the device's name.
 *
 * A ring is all devices below its cut, so a bigger ring contains each smaller one (R4), and a device that joins late stands
 * where its name says. The salt is the campaign's own: nobody is the first to be tried for ever.
 */
import { sha256Hex } from '../../shared/digest.ts'

/** As many hex digits of the digest as a double holds without loss (52 bits). */
const DIGITS = 13
const SCALE = 16 ** DIGITS

/** From 0 up to, without, 1; uniform over devices for whoever does not know the salt. */
export function unitOf(salt: string, device: string): number {
  return Number.parseInt(sha256Hex(`${salt}\n${device}`).slice(0, DIGITS), 16) / SCALE
}

/**
 * The cut below which a ring of `share` lies: the share itself, and where a small fleet has fewer than `least` devices below
 * that, just above the `least`-th unit. `units` in rising order.
 */
export function cutOf(share: number, least: number, units: readonly number[]): number {
  const last = units[Math.min(least, units.length) - 1]
  return last === undefined || last < share ? share : last + Number.EPSILON
}
