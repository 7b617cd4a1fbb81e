/**
 * The rings, budgets and gates that suit a fleet of a given size. What a ring can show depends on how many devices and sites it
 * has, so the gates ask of a small ring what it can answer, and say so in the plan; a plan that asks for more than its rings
 * can ever show would hold for ever.
 */
import { FAILURE_RATES } from '../gates/grids.ts'
import { SHADOW_BELOW_DEVICES, standardGates, type GateSpec } from '../gates/spec.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import {
  BAKE_ALPHA,
  HOUR_MS,
  MINUTE_MS,
  parsePlan,
  type CampaignPlan,
  type CampaignPlanInput,
} from './plan.ts'

export interface FleetSize {
  readonly devices: number
  readonly sites: number
}

export interface PlanWish {
  readonly campaign: string
  readonly author: string
  readonly candidate: DesiredBundle
  readonly lastGood: DesiredBundle
  readonly baseGeneration: number
  /** The campaign's own, and nobody's guess: from random bytes. */
  readonly salt: string
  readonly fleet: FleetSize
  readonly transferBytes: number
  readonly urgency?: 'usual' | 'emergency'
  /** Of the rings, the last one 1. */
  readonly shares?: readonly number[]
  /** Whatever is to be other than usual. */
  readonly changes?: Partial<CampaignPlanInput>
}

const USUAL_RINGS = [
  ['canary', 0.01],
  ['early', 0.05],
  ['fifth', 0.2],
  ['half', 0.5],
  ['all', 1],
] as const
/** R13: fewer rings, less waiting; the gates are the same kind. */
const EMERGENCY_RINGS = [
  ['canary', 0.05],
  ['all', 1],
] as const
const CONTROL_SHARE = 0.1
/** A control of fewer devices compares little: the ring is judged by its shadow instead. */
const LEAST_CONTROL = 300
/** How often a device fails in its probation without any fault of the candidate: what gates have to tell harm from. */
const EXPECTED_FAILURES = 0.02
/** How much evidence a ring without fault is to bring on average: enough that bad luck rarely keeps it below what promotes. */
const WANTED_LOG_EVIDENCE = 12
/** So many inputs are one observation; where there are few devices, fewer, so that they come to something in days. */
const WINDOW_INPUTS = 20
const FEW_WINDOW_INPUTS = 5
/** So many observations show that a candidate is no worse by {@link SHADOW_MARGIN}, or mostly that it is. */
const SHADOW_WINDOWS = 1_500
/** And no more of one device: it is spoken to only so often. */
const SHADOW_WINDOWS_A_DEVICE = 800
/** As much as a doubling of one error in fifty inputs. */
const SHADOW_MARGIN = 0.02
/** Fewer devices than these are judged by their shadow; so many more can be compared. In between neither says enough. */
const MOST_SHADOWED = 80
const LEAST_COMPARED = 250
/** Fleets of no more devices have no control. */
const TINY_FLEET = 10
/** Both arms as large as this bring enough failures to compare their rates. */
const COMPARABLE_DEVICES = 3_000

/** Throws `BadPlan` where the wish contradicts itself. */
export function usualPlan(wish: PlanWish): CampaignPlan {
  const { fleet, urgency = 'usual' } = wish
  const isUsual = urgency === 'usual'
  const controlShare = controlShareOf(fleet.devices)
  const usual = isUsual ? USUAL_RINGS : EMERGENCY_RINGS
  const rings =
    wish.shares?.map((share, at) => ({ name: `ring-${at}`, share })) ??
    usual.map(([name, share]) => ({ name, share }))
  const grown = growing(rings, fleet.devices)
  const first = grown[0]?.leastDevices ?? 1
  return parsePlan({
    v: 1,
    campaign: wish.campaign,
    author: wish.author,
    urgency,
    candidate: wish.candidate,
    lastGood: wish.lastGood,
    baseGeneration: wish.baseGeneration,
    salt: wish.salt,
    rings: grown.map((ring, at) => ({
      ...ring,
      dwellMs: isUsual ? 24 * HOUR_MS : 30 * MINUTE_MS,
      gates: [
        ...gatesFor({
          fleet,
          rings: grown.length,
          ring: at,
          share: ring.share,
          before: grown[at - 1]?.share ?? 0,
          controlShare,
        }),
      ],
    })),
    controlShare,
    budget: { devicesAtRisk: Math.max(1, Math.ceil(fleet.devices / 5)), siteShare: 0.5, bytes: null },
    transferBytes: wish.transferBytes,
    hardware: null,
    freezes: [],
    approvals: 1,
    probationMs: isUsual ? 24 * HOUR_MS : HOUR_MS,
    silenceMs: isUsual ? 72 * HOUR_MS : 12 * HOUR_MS,
    shadow: shadowFor(first),
    scales: { latencyMs: 200, confidence: 0.2 },
    bakeMs: isUsual ? 24 * HOUR_MS : HOUR_MS,
    gates: [...gatesFor({ fleet, rings: grown.length, ring: 0, share: 1, before: 0, controlShare })],
    ...wish.changes,
  } satisfies CampaignPlanInput)
}

type SizedRing = { readonly name: string; readonly share: number; readonly leastDevices: number }

/** The rings that have a device more than the one before, each with as many as its share comes to. */
function growing(
  rings: readonly { readonly name: string; readonly share: number }[],
  devices: number,
): readonly SizedRing[] {
  const sized = rings.map(({ name, share }): SizedRing => {
    const planned = Math.max(1, Math.floor(share * devices))
    const isBetween = share < 1 && planned >= MOST_SHADOWED && planned < LEAST_COMPARED
    const leastDevices = isBetween ? MOST_SHADOWED : planned
    return { name, share: leastDevices < planned ? leastDevices / devices : share, leastDevices }
  })
  return sized.filter(
    ({ leastDevices }, at) => at === sized.length - 1 || leastDevices < (sized[at + 1]?.leastDevices ?? 1),
  )
}

function shadowFor(devices: number): CampaignPlan['shadow'] {
  const windows = Math.min(SHADOW_WINDOWS_A_DEVICE, Math.max(2, Math.ceil(SHADOW_WINDOWS / devices)))
  const windowInputs = windows > WINDOW_INPUTS ? FEW_WINDOW_INPUTS : WINDOW_INPUTS
  return { inputs: windows * windowInputs, windowInputs }
}

/**
 * As large as it has to be for comparisons, or so small that nobody relies on it. None where it might be the whole fleet, or a
 * device whose bad day speaks for all: such a fleet is judged by its shadow, and each device goes back by itself.
 */
function controlShareOf(devices: number): number {
  if (devices <= TINY_FLEET) return 0
  return devices * CONTROL_SHARE >= LEAST_CONTROL
    ? CONTROL_SHARE
    : Math.min(CONTROL_SHARE, (SHADOW_BELOW_DEVICES - 1) / (2 * Math.max(1, devices)))
}

interface RingSize {
  readonly fleet: FleetSize
  readonly rings: number
  readonly ring: number
  readonly share: number
  /** Of the ring before it. */
  readonly before: number
  readonly controlShare: number
}

function gatesFor({ fleet, rings, ring, share, before, controlShare }: RingSize): readonly GateSpec[] {
  const treated = Math.max(1, Math.floor(share * fleet.devices))
  const control = Math.floor(controlShare * fleet.devices)
  const isComparable = Math.min(treated, control) >= COMPARABLE_DEVICES
  const fresh = share - before
  // The bake after them is one more stretch in which a good release must not be halted.
  return standardGates({ rings: rings + BAKE_ALPHA, ring }).map((gate): GateSpec => {
    const { test } = gate
    const judged = test.kind === 'limit' ? Math.max(1, Math.floor(fresh * fleet.devices)) : treated
    const minimumDevices = Math.min(gate.minimumDevices, Math.max(1, Math.floor(judged / 2)))
    const sites = sitesOf(fleet, test.kind === 'limit' ? fresh : share)
    const ceiling = ceilingFor(sites)
    if (test.kind === 'limit')
      return {
        ...gate,
        minimumDevices,
        alpha: fleet.devices <= FEWEST_DEVICES ? FEWEST_ALPHA : gate.alpha,
        beta: betaFor(sites),
        test: { ...test, ceiling: Math.max(0.1, ceiling) },
      }
    if (test.kind === 'failure')
      return { ...gate, minimumDevices, test: { ...test, ceiling: isComparable ? null : ceiling } }
    if (test.kind === 'shadow') return { ...gate, minimumDevices, test: { ...test, margin: SHADOW_MARGIN } }
    return { ...gate, minimumDevices }
  })
}

/** Sites that have a device of such a share, where devices are spread evenly over them. */
function sitesOf({ devices, sites }: FleetSize, share: number): number {
  const perSite = devices / Math.max(1, sites)
  return Math.max(1, Math.floor(sites * (1 - (1 - share) ** perSite)))
}

/** The lowest share of failing devices that so many sites, a device each, can be expected to exclude. */
function ceilingFor(sites: number): number {
  const enough = FAILURE_RATES.points.find((rate) => {
    if (rate <= EXPECTED_FAILURES) return false
    const perSite =
      (1 - EXPECTED_FAILURES) * Math.log((1 - EXPECTED_FAILURES) / (1 - rate)) +
      EXPECTED_FAILURES * Math.log(EXPECTED_FAILURES / rate)
    return sites * perSite >= WANTED_LOG_EVIDENCE
  })
  return enough ?? FAILURE_RATES.points.at(-1) ?? 0.9
}

/**
 * In a fleet of so few, one device that gave the bundle up after all its tries is all the evidence that there will ever be, and halts: by
 * the weight of a single failure. A good release comes to that as rarely as a device fails without its fault.
 */
const FEWEST_DEVICES = 3
const FEWEST_ALPHA = 0.14

/** One or two sites can show next to nothing of a share: what they show has to do. */
function betaFor(sites: number): number {
  return sites >= 4 ? 0.05 : sites >= 2 ? 0.1 : 0.2
}
