/** Devices of both arms that come under observation and end it between two looks of the centre. */
import { describe, expect, it } from 'vitest'
import { inOrder } from '../../../rollout/campaign/evidence.ts'
import { isControl } from '../../../rollout/campaign/fleet.ts'
import type { CampaignState } from '../../../rollout/campaign/state.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import {
  asked,
  HEALTHY,
  HOUR_MS,
  joined,
  names,
  planOf,
  reported,
  run,
  running,
  ticked,
} from '../../support/campaign.ts'

const DEVICES = names(60)

/** Everybody asked, and what all of them say since comes with one tick. */
function lookedOnce(crashes: 0 | 1): CampaignState {
  const crash = standardGates({ rings: 1, ring: 0 }).filter(({ name }) => name === 'crash')
  const plan = planOf({
    rings: [{ name: 'all', share: 1, dwellMs: HOUR_MS }],
    controlShare: 0.5,
    gates: [...crash],
  })
  const open = run(
    running(plan, DEVICES),
    ...DEVICES.map((device) => joined(device, { sequence: 2, site: `site-${device}` })),
  )
  const given = ticked(run(open, ...DEVICES.map(asked)))
  const generation = given.direction.generation
  const said = [...given.devices.values()].map((standing) =>
    isControl(given, standing)
      ? reported(standing.device, { sequence: 2, usual: { ...HEALTHY, upMs: HEALTHY.upMs + 2 * HOUR_MS } })
      : reported(standing.device, {
          sequence: 2,
          generation,
          stands: 'committed',
          candidate: { ...HEALTHY, crashes },
        }),
  )
  return ticked(run(given, ...said))
}

describe('arms that enter and end within one tick', () => {
  it('give the crash gate what it needs to halt', () => {
    const halted = lookedOnce(1)
    expect(halted.phase).toBe('halted')
    expect(halted.rings[0]?.verdict?.evidence[0]).toMatchObject({ gate: 'crash', decision: 'HALT' })
  })

  it('halt nothing where nobody failed', () => {
    expect(lookedOnce(0).phase).not.toBe('halted')
  })

  it('are told as who entered, who failed, and the rest; scores stay in the order of the names', () => {
    const place = { arm: 'treated', site: 's', atMs: 0 } as const
    const judged = (device: string, gate: string, value: number) => ({
      gates: [gate],
      fact: { kind: 'judged', device, ...place, value } as const,
    })
    const entered = (device: string) => ({
      gates: ['crash'],
      fact: { kind: 'entered', device, ...place } as const,
    })
    const [a, b] = [entered('a'), entered('b')]
    const [fine, bad] = [judged('a', 'crash', 0), judged('b', 'crash', 1)]
    const [low, high] = [judged('a', 'latency', 0.2), judged('b', 'latency', 1)]
    expect(inOrder([a, fine, low, b, bad, high])).toEqual([a, b, bad, fine, low, high])
  })
})
