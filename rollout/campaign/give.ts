/** Gives devices that asked what they asked for, those first that come first in the campaign's order, as far as budgets go. */
import { SHADOW_BELOW_DEVICES } from '../gates/spec.ts'
import { isControl, siteOf, withStanding } from './fleet.ts'
import { bytesFor, hindranceOf, wantsOf, windowOf } from './grant.ts'
import { snapshotOf } from './observe.ts'
import { itemsOf, withFleet, type CampaignState, type Standing, type Waiting, type Watch } from './state.ts'

export function given(state: CampaignState): CampaignState {
  const { waiting, asked } = state.agenda
  if (asked === null && (waiting.length === 0 || isSpent(state))) return state
  let now = state
  let { served, touched } = state.agenda
  const fresh: Waiting[] = []
  // To be observed costs nothing, so nobody waits for that.
  for (const device of itemsOf(asked).sort()) {
    const standing = now.devices.get(device)
    if (standing === undefined) continue
    if (wantsOf(now, standing) === 'watch' && standing.report !== null) {
      now = watchedFrom(now, standing)
      touched = { item: device, rest: touched }
    } else fresh.push({ device, unit: standing.unit })
  }
  fresh.sort((a, b) => a.unit - b.unit || (a.device < b.device ? -1 : 1))
  const all = fresh.length === 0 ? waiting : merged(waiting, fresh)
  const left: Waiting[] = []
  let at = 0
  for (; at < all.length && !isSpent(now); at += 1) {
    const place = all[at]
    const standing = place === undefined ? undefined : now.devices.get(place.device)
    if (place === undefined || standing === undefined || !standing.asking) continue
    const want = wantsOf(now, standing)
    if (want === null) now = withStanding(now, { before: standing, after: { ...standing, asking: false } })
    else if (hindersIt(now, standing, want)) left.push(place)
    else {
      now = want === 'grant' ? grantedTo(now, standing) : watchedFrom(now, standing)
      touched = { item: place.device, rest: touched }
      if (want === 'grant') served = { item: place.device, rest: served }
    }
  }
  const still = at === 0 ? all : [...left, ...all.slice(at)]
  return withFleet(now, now, { waiting: still, asked: null, served, touched, due: state.agenda.due })
}

/** Nobody who waits has to be looked at while nobody can be given anything. */
function isSpent({ counts, plan }: CampaignState): boolean {
  return counts.atRisk >= plan.budget.devicesAtRisk
}

function hindersIt(state: CampaignState, standing: Standing, want: 'grant' | 'watch'): boolean {
  if (want === 'watch') return standing.report === null
  return hindranceOf(state, standing) !== null
}

function grantedTo(state: CampaignState, standing: Standing): CampaignState {
  const { clock, direction, ring, rings } = state
  const atMs = clock.campaignMs
  const watch: Watch = {
    round: rings.length - 1,
    arm: 'treated',
    isNew: true,
    sinceMs: atMs,
    begun: false,
    enteredMs: null,
    from: null,
    installJudged: false,
    judged: false,
    heard: { sequence: standing.report?.sequence ?? -1, atMs },
    shadow: { inputs: 0, worse: 0, better: 0 },
  }
  const { device, unit, facts, left, report } = standing
  const grant = { generation: direction.generation, ring, atMs, shadowInputs: shadowIn(state) }
  const after: Standing = {
    device,
    unit,
    facts,
    left,
    asking: false,
    grant,
    risk: 'at_risk',
    watch,
    report,
  }
  return withStanding(withBytes(state, facts?.site ?? ''), { before: standing, after })
}

/**
 * In the first ring, and where devices are too few to be compared with one another, both versions are compared on each of them
 * before the candidate acts.
 */
function shadowIn({ plan, rings, ring, phase }: CampaignState): number {
  const { treated, control } = rings.at(-1)?.planned ?? { treated: 0, control: 0 }
  const isSmall = Math.min(treated, control) < SHADOW_BELOW_DEVICES
  return phase === 'running' && (ring === 0 || isSmall) ? plan.shadow.inputs : 0
}

function watchedFrom(state: CampaignState, standing: Standing): CampaignState {
  const atMs = state.clock.campaignMs
  const control = isControl(state, standing) && standing.grant === null
  const watch: Watch = {
    round: state.rings.length - 1,
    arm: control ? 'control' : 'treated',
    isNew: false,
    sinceMs: atMs,
    begun: false,
    enteredMs: null,
    from: snapshotOf(standing, control ? 'usual' : 'candidate'),
    installJudged: true,
    judged: false,
    heard: { sequence: standing.report?.sequence ?? -1, atMs },
    shadow: { inputs: 0, worse: 0, better: 0 },
  }
  const { device, unit, facts, left, grant, risk, report } = standing
  const after = { device, unit, facts, left, asking: false, grant, risk, watch, report }
  return withStanding(state, { before: standing, after })
}

function withBytes(state: CampaignState, name: string): CampaignState {
  const bytes = bytesFor(state, name)
  if (bytes === 0) return state
  const window = windowOf(state)
  const site = siteOf(state, name)
  const used = state.bandwidth.window === window ? state.bandwidth.bytes : 0
  return {
    ...state,
    bandwidth: { window, bytes: used + bytes },
    sites: state.sites.with(name, {
      ...site,
      bytes: site.bytes + bytes,
      window,
      windowBytes: (site.window === window ? site.windowBytes : 0) + bytes,
      fetched: state.direction.generation,
    }),
  }
}

function merged(waiting: readonly Waiting[], fresh: readonly Waiting[]): readonly Waiting[] {
  const all: Waiting[] = []
  let at = 0
  for (const place of waiting) {
    for (let next = fresh[at]; next !== undefined && next.unit < place.unit; next = fresh[at]) {
      all.push(next)
      at += 1
    }
    all.push(place)
  }
  return at === 0 ? [...all, ...fresh] : [...all, ...fresh.slice(at)]
}
