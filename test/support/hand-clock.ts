/** A clock that the test turns by hand. */
import type { Clock } from '../../shared/clock.ts'

export interface HandClock extends Clock {
  advance(ms: number): void
}

export function handClock(startMs: number = Date.UTC(2026, 5, 1)): HandClock {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    advance: (ms) => {
      nowMs += ms
    },
  }
}
