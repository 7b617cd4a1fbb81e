import { describe, expect, it } from 'vitest'
import { runCopyKills } from './copy-kills.ts'

describe('copies that are killed in mid-apply', () => {
  it('C3: ours is whole after every kill; the control, which does not await its commits, is not', async () => {
    const { starling, 'pglite-sync': control } = await runCopyKills({
      seeds: [1, 2, 3, 4],
      rows: 2_000,
      onRound: () => undefined,
    })
    expect(starling).toEqual({ kills: 4, staleRounds: 0, staleRows: 0, wrongCounts: 0 })
    expect(control.kills).toBe(4)
    expect(control.staleRows).toBeGreaterThan(0)
  }, 300_000)
})
