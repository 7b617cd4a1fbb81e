/** Time as an argument: production passes {@link systemClock}, tests a clock that they turn by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  nowMs(): number
  /** Milliseconds on a clock that never goes back, for durations. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
