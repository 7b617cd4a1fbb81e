/** Gives devices that asked what they asked for, those first that come first in the campaign's order, as far as budgets go. */
import { SHADOW_BELOW_DEVICES } from '../gates/spec.ts'
import { isControl, siteOf, withStanding } from './fleet.ts'
import { bytesFor, hindranceOf, wantsOf, windowOf } from './grant.ts'
import { snapshotOf } from './observe.ts'
import { itemsOf, withDue, type CampaignState, type Standing, type Watch } from './state.ts'

export function given(state: CampaignState): CampaignState {
  const { waiting, asked } = state.agenda
  if (waiting.length === 0 && asked === null) return state
  const unitOfDevice = (device: string): number => state.devices.get(device)?.unit ?? 1
  const fresh = itemsOf(asked).map((device) => ({ device, unit: unitOfDevice(device) }))
  fresh.sort((a, b) => a.unit - b.unit || (a.device < b.device ? -1 : 1))
  let now: CampaignState = { ...state, agenda: { ...state.agenda, asked: null } }
  const left: string[] = []
  for (const device of merged(waiting, fresh, unitOfDevice)) {
    const standing = now.devices.get(device)
    if (standing === undefined || !standing.asking) continue
    const want = wantsOf(now, standing)
    if (want === null) now = withStanding(now, { ...standing, asking: false })
    else if (hindersIt(now, standing, want)) left.push(device)
    else now = want === 'grant' ? grantedTo(now, standing) : watchedFrom(now, standing)
  }
  return { ...now, agenda: { ...now.agenda, waiting: left } }
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
    shadow: { inputs: 0, worse: 0, better: 0 },
  }
  const after: Standing = {
    ...standing,
    asking: false,
    risk: 'at_risk',
    grant: { generation: direction.generation, ring, atMs, shadowInputs: shadowIn(state) },
    watch,
  }
  const loaded = withBytes(state, standing.facts?.site ?? '')
  const { device } = standing
  const now = withDue(withStanding(loaded, after), { device, atMs })
  return { ...now, agenda: { ...now.agenda, served: { item: device, rest: now.agenda.served } } }
}

/** Where devices are too few to be compared with one another, both versions are compared on each of them. */
function shadowIn({ plan, rings, phase }: CampaignState): number {
  const { treated, control } = rings.at(-1)?.planned ?? { treated: 0, control: 0 }
  return phase === 'running' && Math.min(treated, control) < SHADOW_BELOW_DEVICES ? plan.shadow.inputs : 0
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
    shadow: { inputs: 0, worse: 0, better: 0 },
  }
  const after = withStanding(state, { ...standing, asking: false, watch })
  return withDue(after, { device: standing.device, atMs })
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

function* merged(
  waiting: readonly string[],
  fresh: readonly { readonly device: string; readonly unit: number }[],
  unitOfDevice: (device: string) => number,
): Generator<string, void, undefined> {
  let at = 0
  for (const device of waiting) {
    const unit = unitOfDevice(device)
    for (let next = fresh[at]; next !== undefined && next.unit < unit; next = fresh[at]) {
      yield next.device
      at += 1
    }
    yield device
  }
  for (; at < fresh.length; at += 1) {
    const next = fresh[at]
    if (next !== undefined) yield next.device
  }
}
