import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realDisk } from '../../../edge-agent/models-store/disk.ts'
import { openHealth, type Health } from '../../../edge-agent/update/health.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { handClock, type HandClock } from '../../support/hand-clock.ts'

const old = { name: 'speech', envelopeSha256: 'a'.repeat(64), offer: null }
const next = { name: 'speech', envelopeSha256: 'b'.repeat(64), offer: 4 }
const turn = { latencyMs: 200, confidence: 0.9, intervened: false }

describe('what a device counts of its bundles', () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>
  let clock: HandClock
  const open = async (): Promise<Health> => await openHealth({ folder: folder.path, disk: realDisk, clock })
  beforeEach(async () => {
    folder = await dataFolder('health')
    clock = handClock()
  })
  afterEach(async () => await folder.remove())

  it('goes to what ran at the time, each version under each decision for itself', async () => {
    const health = await open()
    health.runs([old])
    clock.advance(60_000)
    health.taken(turn)
    health.runs([next])
    clock.advance(30_000)
    health.taken({ ...turn, latencyMs: 400, intervened: true })
    const { sequence, health: said } = await health.report()
    expect(sequence).toBe(1)
    expect(said).toEqual([
      expect.objectContaining({
        envelopeSha256: old.envelopeSha256,
        upMs: 60_000,
        turns: 1,
        interventions: 0,
        latencyMsSum: 200,
      }),
      expect.objectContaining({
        offer: 4,
        upMs: 30_000,
        turns: 1,
        interventions: 1,
        confidenceSum: 0.9,
        latencyMs: { p50: 400, p95: 400 },
      }),
    ])
    expect(said[0]).not.toHaveProperty('offer')
  })

  it('goes on counting a shadow over restarts, and calls nothing run that only ran beside', async () => {
    const first = await open()
    first.runs([old])
    first.shadowed(next, { inputs: 3, worse: 1, better: 0 })
    first.shadowed(next, { inputs: 5, worse: 1, better: 2 })
    expect((await first.report()).health).toContainEqual(
      expect.objectContaining({ offer: 4, upMs: 0, shadow: { inputs: 5, worse: 1, better: 2 } }),
    )
    await first.close()
    const second = await open()
    second.shadowed(next, { inputs: 1, worse: 0, better: 1 })
    second.shadowed(next, { inputs: 2, worse: 1, better: 1 })
    expect((await second.report()).health).toContainEqual(
      expect.objectContaining({ offer: 4, shadow: { inputs: 7, worse: 2, better: 3 } }),
    )
    second.shadowed(next, { inputs: 0, worse: 0, better: 0 })
    expect((await second.report()).health).toContainEqual(
      expect.objectContaining({ offer: 4, shadow: { inputs: 7, worse: 2, better: 3 } }),
    )
  })

  it('only grows over restarts: a stop is no crash, an end without one is', async () => {
    const first = await open()
    first.runs([old])
    clock.advance(1_000)
    await first.close()
    const second = await open()
    expect((await second.report()).health[0]).toMatchObject({ upMs: 1_000, crashes: 0 })
    clock.advance(5_000)
    await second.report()
    const third = await open()
    const { sequence, health } = await third.report()
    expect(sequence).toBe(3)
    expect(health[0]).toMatchObject({ upMs: 6_000, crashes: 1 })
  })

  it('begins anew where the file cannot be read, and says no crash that it cannot know of', async () => {
    const health = await open()
    health.runs([old])
    await health.close()
    const path = join(folder.path, 'health.json')
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 20))
    expect(await (await open()).report()).toEqual({ sequence: 1, health: [] })
  })

  it('forgets the oldest of many versions, and never what runs', async () => {
    const health = await open()
    health.runs([old])
    for (let at = 0; at < 40; at += 1) health.runs([{ ...old, offer: at }])
    health.runs([old])
    const { health: said } = await health.report()
    expect(said.length).toBeLessThanOrEqual(32)
    expect(said.some((one) => one.offer === undefined)).toBe(true)
  })
})
