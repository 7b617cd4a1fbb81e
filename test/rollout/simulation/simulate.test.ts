import { describe, expect, it } from 'vitest'
import { simulate } from '../../../rollout/simulation/simulate.ts'
import { BadSimulation } from '../../../rollout/simulation/settings.ts'

const SEED = 11

describe('a simulated rollout', () => {
  it('brings 5,000 devices to one version: no mixtures, a curve that rises, stragglers by name', () => {
    const report = simulate({ devices: 5_000, seed: SEED })
    expect(report.verdict).toBe('COMPLETE')
    expect(report.mixedDevices).toBe(0)
    const running = report.convergence.map((point) => point.running)
    // But for those who join meanwhile, of whom the share is then a share.
    for (const [at, share] of running.entries()) expect(share).toBeGreaterThan((running[at - 1] ?? 0) - 0.001)
    expect(running.at(-1)).toBeGreaterThan(0.99)
    // Devices that cannot install are named, with what they said.
    const parked = report.stragglers.named.filter(({ why }) => why === 'parked')
    expect(parked.length).toBeGreaterThan(0)
    for (const { code, device, site } of parked)
      expect([code, device.slice(0, 7), site.slice(0, 5)]).toEqual(['smoke_failed', 'device-', 'site-'])
    expect(report.stragglers.count).toBe(report.stragglers.named.length)
    // Over each site's link the bundle went once.
    expect(new Set(Object.values(report.bytes.bySite))).toEqual(new Set([2_000_000]))
  })

  it('tells the same to the byte for the same seed, and something else for another', () => {
    const text = (seed: number) => JSON.stringify(simulate({ devices: 1_000, seed, offline: 0.3 }))
    const first = text(3)
    expect(text(3)).toBe(first)
    expect(first).not.toContain(simulate({ devices: 1_000, seed: 4, offline: 0.3 }).stateHash)
  })

  it.each([1_000, 5_000])(
    'halts a bundle that fails twice as often within the first two rings of %i devices',
    (devices) => {
      const report = simulate({ devices, seed: SEED, regression: 2 })
      expect(report.verdict).toBe('HALT')
      expect(report.exposedShare).toBeLessThanOrEqual(report.declaredShares[1] ?? 0)
      expect(report.convergence.at(-1)?.running).toBe(0)
      expect(report.secondsToHalt).toBeGreaterThan(0)
      expect(report.why).toContain('HALT')
    },
  )

  it('comes to the end with 30 % of the devices offline, and still halts what is bad', () => {
    const good = simulate({ devices: 1_000, seed: SEED, offline: 0.3 })
    expect(good).toMatchObject({ verdict: 'COMPLETE', mixedDevices: 0 })
    expect(simulate({ devices: 1_000, seed: SEED, offline: 0.3, regression: 2 })).toMatchObject({
      verdict: 'HALT',
      convergence: expect.anything() as unknown,
    })
  })

  it('stops a model that kills its process before it acts anywhere', () => {
    const report = simulate({ devices: 1_000, seed: SEED, crashLoop: 1 })
    expect(report.verdict).toBe('HALT')
    expect(report.exposedShare).toBeLessThanOrEqual(report.declaredShares[1] ?? 0)
    expect(Math.max(...report.convergence.map(({ running }) => running))).toBe(0)
    expect(report.why).toContain('install')
  })

  it('does not promote one that gets worse day by day to the whole fleet', () => {
    const report = simulate({ devices: 5_000, seed: SEED, drift: 10 })
    expect(report.verdict).not.toBe('COMPLETE')
    expect(report.exposedShare).toBeLessThan(1)
  })

  it('comes to the same end when the clock of the centre jumps', () => {
    const report = simulate({ devices: 1_000, seed: SEED, clockJumps: 4 })
    expect(report).toMatchObject({ verdict: 'COMPLETE', mixedDevices: 0 })
  })

  it('brings an emergency through in less time, by its own rings (R13)', () => {
    const usual = simulate({ devices: 2_000, seed: SEED })
    const emergency = simulate({ devices: 2_000, seed: SEED, emergency: true })
    expect(emergency.verdict).toBe('COMPLETE')
    expect(emergency.virtualSeconds).toBeLessThan(usual.virtualSeconds)
    expect(emergency.rings.length).toBeLessThan(usual.rings.length)
  })

  it.each([
    ['no devices', { devices: 0, seed: 1 }],
    ['half a device', { devices: 1.5, seed: 1 }],
    ['nobody online', { devices: 10, seed: 1, offline: 1 }],
    ['a negative rate', { devices: 10, seed: 1, regression: -1 }],
    ['a word it does not know', { devices: 10, seed: 1, wind: 3 }],
  ])('refuses %s', (_, settings) => {
    expect(() => simulate(settings)).toThrow(BadSimulation)
  })
})
