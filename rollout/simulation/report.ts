/** What a simulation comes to. No time but the virtual one is in it, so the same seed prints the same bytes. */
import { stateHash } from '../campaign/digest.ts'
import type { CampaignState } from '../campaign/state.ts'
import { stragglersOf, type Straggler } from '../campaign/view.ts'
import type { SimulationSettings } from './settings.ts'
import type { World } from './world.ts'

export interface ConvergencePoint {
  readonly hours: number
  /** Shares of the fleet: ever given the candidate, and running it now. */
  readonly exposed: number
  readonly running: number
}

export interface SimulationReport {
  readonly settings: SimulationSettings
  readonly verdict: 'HALT' | 'COMPLETE' | 'HOLD'
  /** Of the whole fleet, late joiners too: ever given the candidate. */
  readonly exposedShare: number
  /** What the rings up to the last one that was opened declare. */
  readonly declaredShare: number
  /** What each ring of the plan declares. */
  readonly declaredShares: readonly number[]
  readonly devicesExposed: number
  readonly stateHash: string
  readonly virtualSeconds: number
  /** From the approval to the halt; null where nothing halted it. */
  readonly secondsToHalt: number | null
  /** What the gates, or the ring that waits, say of it. */
  readonly why: string
  readonly rings: readonly { readonly name: string; readonly outcome: string; readonly hours: number }[]
  readonly convergence: readonly ConvergencePoint[]
  readonly stragglers: { readonly count: number; readonly named: readonly Straggler[] }
  /** Devices that activated a bundle of which pieces were missing. */
  readonly mixedDevices: number
  readonly bytes: { readonly total: number; readonly bySite: Readonly<Record<string, number>> }
}

/** As many stragglers are named; a person looks at the first. */
const NAMED = 50
const HOUR_MS = 3_600_000

interface Ended {
  readonly world: World
  readonly settings: SimulationSettings
  readonly state: CampaignState
  readonly startMs: number
  readonly endMs: number
  readonly curve: readonly ConvergencePoint[]
  readonly mixedDevices: number
}

export function reportOf({
  world,
  settings,
  state,
  startMs,
  endMs,
  curve,
  mixedDevices,
}: Ended): SimulationReport {
  const { phase, counts, plan, rings } = state
  const halt = state.decisions.find((one) => one.kind === 'halted')
  const stragglers = stragglersOf(state, counts.fleet)
  const verdict = phase === 'halted' ? 'HALT' : phase === 'complete' ? 'COMPLETE' : 'HOLD'
  const bySite = world.sites.map(({ name, bytes }) => [name, bytes] as const)
  return {
    settings,
    verdict,
    exposedShare: counts.exposed / settings.devices,
    declaredShare: plan.rings[state.ring]?.share ?? 0,
    declaredShares: plan.rings.map(({ share }) => share),
    devicesExposed: counts.exposed,
    stateHash: stateHash(state),
    virtualSeconds: Math.round((endMs - startMs) / 1_000),
    secondsToHalt: halt === undefined ? null : Math.round((halt.atMs - startMs) / 1_000),
    why: halt?.kind === 'halted' ? halt.reason : whyOf(state),
    rings: rings.map(({ name, outcome, openedMs, closedMs }) => ({
      name,
      outcome,
      hours: Number((((closedMs ?? endMs) - openedMs) / HOUR_MS).toFixed(2)),
    })),
    convergence: curve,
    stragglers: { count: stragglers.length, named: stragglers.slice(0, NAMED) },
    mixedDevices,
    bytes: { total: bySite.reduce((sum, [, bytes]) => sum + bytes, 0), bySite: Object.fromEntries(bySite) },
  }
}

function whyOf({ phase, rings }: CampaignState): string {
  if (phase === 'complete') return 'every ring passed its gates'
  const evidence = rings.at(-1)?.verdict?.evidence ?? []
  const waits = evidence.filter(({ needed, decision }) => needed && decision !== 'PROMOTE')
  return waits.length === 0 ? 'no ring was judged' : waits.map(({ text }) => text).join('; ')
}
