/**
 * The device's wall clock jumps: a day back, a year ahead, in any step of an install and while a bundle waits to be confirmed. What
 * the clock said decides nothing for good; how long a bundle may run unconfirmed is bounded by a timer that nobody can set.
 */
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../shared/clock.ts'
import type { Trials } from '../../../edge-agent/update/installer.ts'
import { CONFIRM_WITHIN_MS } from '../../../rollout/install.ts'
import { holdsWhole, NOW_MS, signal, small, updateStage } from './stage.ts'

const at = updateStage()
const [one, two] = [small(1), small(3)]
const DAY_MS = 24 * 3_600_000
const JUMPS = [
  ['a day back', -DAY_MS],
  ['a year ahead', 365 * DAY_MS],
] as const

/** A wall clock that jumps when it is told to; what runs by itself goes on. */
function jumpingClock(): Clock & { jump(byMs: number): void } {
  let aheadMs = 0
  return {
    nowMs: () => NOW_MS + aheadMs,
    monotonicMs: () => 0,
    jump: (byMs) => {
      aheadMs += byMs
    },
  }
}

async function runs(): Promise<string | null> {
  const active = await (await at.device()).active('models')
  if (active !== null)
    expect(await holdsWhole(active.dir, active.version === '1.0.0' ? one : two), active.version).toBe(true)
  return active?.version ?? null
}

describe.each(JUMPS)('a clock that jumps %s', (_how, byMs) => {
  it.each(['smoke', 'confirm', 'healthy'] as const)(
    'in %s leaves the old or the new bundle, and the new one in the end',
    async (trial) => {
      await (await at.device()).install(at.centre.publish(one), signal)
      const clock = jumpingClock()
      let jumped = false
      const jumping: Trials['confirm'] = async () => {
        if (!jumped) clock.jump(byMs)
        jumped = true
        await Promise.resolve()
      }
      const desired = at.centre.publish(two, { version: '1.1.0', expiresAt: '2029-01-01T00:00:00.000Z' })
      const installer = await at.device({ clock, trials: { [trial]: jumping } })
      const outcome = await installer.install(desired, signal)
      expect(jumped).toBe(true)
      if (outcome.kind !== 'committed') {
        expect(outcome).toMatchObject({ kind: 'refused', code: 'confirmation_overdue' })
        expect(await runs()).toBe('1.0.0')
      }
      expect(['committed', 'unchanged']).toContain((await installer.install(desired, signal)).kind)
      expect(await runs()).toBe('1.1.0')
    },
  )

  it('while the device was off, in the time to confirm, leads back to the bundle before, or waits no longer than was granted', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const gone = new AbortController()
    const healthy = async (): Promise<void> => {
      gone.abort(new Error('power'))
      await new Promise(() => undefined)
    }
    const desired = at.centre.publish(two, { version: '1.1.0' })
    const dying = await at.device({ trials: { healthy } })
    await expect(dying.install(desired, gone.signal)).rejects.toThrow('power')
    const granted: number[] = []
    const overdue = new AbortController()
    const clock = jumpingClock()
    clock.jump(byMs)
    const woken = await at.device({
      clock,
      alarm: (afterMs) => {
        granted.push(afterMs)
        overdue.abort(new Error('time'))
        return overdue.signal
      },
      trials: { healthy: async () => await new Promise(() => undefined) },
    })
    await woken.resume(signal)
    await woken.tend(signal)
    expect(await runs()).toBe('1.0.0')
    expect(await woken.report()).toMatchObject([{ state: 'refused', code: 'confirmation_overdue' }])
    for (const afterMs of granted) expect(afterMs).toBeLessThanOrEqual(CONFIRM_WITHIN_MS)
  })
})

describe('a clock that was a year ahead', () => {
  it('had a good bundle refused as expired; set right, the device takes it by itself', async () => {
    await (await at.device()).install(at.centre.publish(one), signal)
    const desired = at.centre.publish(two, { version: '1.1.0', expiresAt: '2026-12-01T00:00:00.000Z' })
    const clock = jumpingClock()
    clock.jump(365 * DAY_MS)
    const installer = await at.device({ clock })
    expect(await installer.install(desired, signal)).toMatchObject({ code: 'manifest_expired' })
    const served = at.centre.served.length
    expect((await installer.install(desired, signal)).kind).toBe('refused')
    expect(at.centre.served).toHaveLength(served)
    clock.jump(-365 * DAY_MS)
    expect(await installer.isSettled(desired)).toBe(false)
    expect((await installer.install(desired, signal)).kind).toBe('committed')
    expect(await runs()).toBe('1.1.0')
  })
})
