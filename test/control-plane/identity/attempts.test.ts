import { describe, expect, it } from 'vitest'
import { EnrolmentAttempts } from '../../../control-plane/identity/attempts.ts'
import { handClock } from '../../support/hand-clock.ts'

function takeUntilHeld(attempts: EnrolmentAttempts, address: string): number {
  for (let taken = 0; taken < 1_000; taken += 1)
    try {
      attempts.take(address)
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'too_many_attempts' })
      return taken
    }
  throw new Error('it was never held')
}

describe('attempts to enrol', () => {
  it('are held after some refusals, for that address alone, and go on a minute later', () => {
    const clock = handClock()
    const attempts = new EnrolmentAttempts(clock)
    const allowed = takeUntilHeld(attempts, '10.0.0.1')
    expect(allowed).toBeGreaterThan(2)
    attempts.take('10.0.0.2')
    clock.advance(59_000)
    expect(() => attempts.take('10.0.0.1')).toThrow(/too many/)
    clock.advance(2_000)
    expect(takeUntilHeld(attempts, '10.0.0.1')).toBe(allowed)
  })

  it('that succeed cost nothing, however many', () => {
    const attempts = new EnrolmentAttempts(handClock())
    for (let device = 0; device < 500; device += 1) attempts.take('10.0.0.1')()
    expect(takeUntilHeld(attempts, '10.0.0.1')).toBeGreaterThan(2)
  })

  it('count while they are under way', () => {
    const attempts = new EnrolmentAttempts(handClock())
    const allowed = takeUntilHeld(attempts, '10.0.0.1')
    const other = new EnrolmentAttempts(handClock())
    const underWay = Array.from({ length: allowed }, () => other.take('10.0.0.1'))
    expect(() => other.take('10.0.0.1')).toThrow(/too many/)
    underWay[0]?.()
    other.take('10.0.0.1')
  })

  it('are remembered for a bounded number of addresses, the quietest forgotten first', () => {
    const attempts = new EnrolmentAttempts(handClock())
    const allowed = takeUntilHeld(attempts, 'first')
    for (let index = 0; index < 1_000; index += 1) attempts.take(`address-${index}`)
    expect(takeUntilHeld(attempts, 'first')).toBe(allowed)
    expect(takeUntilHeld(attempts, 'address-999')).toBe(allowed - 1)
  })
})
