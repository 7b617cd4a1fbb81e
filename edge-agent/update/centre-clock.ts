/** How far the device's clock lies from the centre's: dates in records, tokens and the policy's expiry depend on it. */
import { StarlingError } from '../../shared/errors.ts'

/** Slower links and clocks that drift between two looks stay under this; a policy tolerates as much. */
const TOLERATED_MS = 5 * 60_000

/** The clock is set wrong. Work goes on: records keep their order by number, not by date. */
export class ClockOff extends StarlingError {
  override readonly code = 'clock_off'

  constructor(aheadMs: number) {
    const minutes = Math.round(Math.abs(aheadMs) / 60_000)
    const side = aheadMs > 0 ? 'ahead of' : 'behind'
    super(`this device's clock is ${minutes} minutes ${side} the centre's`, {
      remedy: 'Set the clock of this machine (timedatectl set-ntp true), then start Starling again.',
      details: { aheadMs },
    })
  }
}

export class CentreClock {
  #aheadMs: number | null = null

  /** Takes the centre's time `centreMs`, said between `sentMs` and `receivedMs` of the device's clock. Returns what is new about it. */
  heard(centreMs: number, sentMs: number, receivedMs: number): ClockOff | null {
    const before = this.problem()
    this.#aheadMs = Math.round((sentMs + receivedMs) / 2 - centreMs)
    const now = this.problem()
    return before === null ? now : null
  }

  /** Milliseconds ahead of the centre; null until it was heard. */
  aheadMs(): number | null {
    return this.#aheadMs
  }

  problem(): ClockOff | null {
    return this.#aheadMs === null || Math.abs(this.#aheadMs) <= TOLERATED_MS
      ? null
      : new ClockOff(this.#aheadMs)
  }
}
