import { describe, expect, it } from 'vitest'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import { openCampaign } from '../../../rollout/campaign/state.ts'
import { stragglersOf, viewOf } from '../../../rollout/campaign/view.ts'
import {
  asked,
  command,
  joined,
  names,
  planOf,
  reported,
  run,
  running,
  START_MS,
  ticked,
} from '../../support/campaign.ts'

const inCanary = (state: ReturnType<typeof running>) =>
  names(50).filter((name) => (state.devices.get(name)?.unit ?? 1) < 0.2)

describe('what people are shown', () => {
  it('counts who was given the candidate, against the fleet', () => {
    const state = running()
    const [first = ''] = inCanary(state)
    const view = viewOf(ticked(run(state, asked(first))))
    expect(view).toMatchObject({
      phase: 'running',
      ring: 'canary',
      counts: { fleet: 50, exposed: 1, atRisk: 1 },
    })
    expect(view.exposedShare).toBe(1 / 50)
    expect(viewOf(run(state, command('halted', 'a'), command('resumed', 'b'))).resumersNeeded).toBe(1)
  })

  it('names who is behind, and why', () => {
    const state = running()
    const [first = '', second = '', third = ''] = inCanary(state)
    const given = ticked(run(state, asked(first), asked(second)))
    const deferred = reported(second, { sequence: 2, generation: 8, stands: 'deferred', code: 'no_link' })
    const behind = new Map(stragglersOf(run(given, deferred), 100).map((one) => [one.device, one]))
    expect(behind.get(first)?.why).toBe('not_reported')
    expect(behind.get(second)).toMatchObject({ why: 'deferred', code: 'no_link', site: 'oslo' })
    expect(behind.get(third)?.why).toBe('not_asked')
    expect(behind.size).toBe(inCanary(state).length)
  })
})

describe('the hash of the state (R8)', () => {
  it('is the same whatever the order in which devices joined, and tells any difference', () => {
    const open = openCampaign(planOf(), START_MS)
    const devices = names(200)
    const forth = run(open, ...devices.map((device) => joined(device)))
    const back = run(open, ...[...devices].reverse().map((device) => joined(device)))
    expect(stateHash(back)).toBe(stateHash(forth))
    expect(stateHash(run(forth, reported('device-7')))).not.toBe(stateHash(forth))
    expect(stateHash(run(forth, joined('device-7', { sequence: 2, site: 'bergen' })))).not.toBe(
      stateHash(forth),
    )
  })
})
