/** Which way the fleet goes, and the turn back. */
import { decided, type CampaignState, type Direction } from './state.ts'

/** R5: a new direction is a new generation, and no device is told of it before it is signed. */
export function withDirection(state: CampaignState, runs: Direction['runs']): CampaignState {
  const generation = state.direction.generation + 1
  return { ...state, direction: { runs, generation, statement: null } }
}

/** Back to the last good bundle (R3, R7): by a person, or by a gate as `by`. */
export function halted(
  state: CampaignState,
  why: { readonly by: string; readonly reason: string },
): CampaignState {
  const atMs = state.clock.campaignMs
  const last = state.rings.length - 1
  const rings = state.rings.map((ring, at) =>
    at === last ? { ...ring, outcome: 'halted' as const, closedMs: atMs } : ring,
  )
  const after = decided({ ...state, phase: 'halted', resumers: [], rings }, { kind: 'halted', atMs, ...why })
  return withDirection(after, 'last_good')
}
