/**
 * The gates on seeded fleets whose devices hang together by site, by device and by hour: how often a good release is halted
 * although somebody looks after every device, and how often a doubled failure rate is found. In the same runs, for contrast:
 * a z-test at 5 % looked at as often, and a static threshold of 5 %.
 */
import { seeded } from '../../shared/seeded.ts'
import { judge } from '../../rollout/gates/judge.ts'
import { observe, openLedger, type GateLedger } from '../../rollout/gates/ledger.ts'
import { standardGates, type GateSpec } from '../../rollout/gates/spec.ts'
import type { Arm, GateFact } from '../../rollout/gates/fact.ts'
import { failureFacts, HOUR_MS, scoreFacts, shadowFacts, type Ring } from './gates/ring.ts'
import { quantile, type BenchOptions, type BenchReport, type BenchRow } from './report.ts'

const CAMPAIGNS = 2_000
const RINGS = 5
const FALSE_HALTS = 0.05
/** The second ring of a fleet of 100,000: a tenth is treated, a fifth is the control. */
const LARGE: Ring = {
  sites: 5_000,
  devicesPerSite: 20,
  treated: 0.1,
  control: 0.2,
  failing: 0.01,
  harm: 1,
  drift: 0,
}

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const campaigns = limit === undefined ? CAMPAIGNS : Number(limit)
  const rows: BenchRow[] = []
  for (const part of [wholeCampaigns, oneGate, doublings, drifts, shadows, cost]) {
    rows.push(...part(campaigns, progress))
    // Lets what was said reach the terminal between the parts.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { bench: 'gates', rows }
}

/** Good releases through all rings and gates, judged every other hour, by the rules that a campaign has. */
function wholeCampaigns(campaigns: number, progress: (line: string) => void): readonly BenchRow[] {
  const shares = [0.02, 0.08, 0.2, 0.3, 0.3]
  const halted = tallied(campaigns, progress, 'good campaigns', (seed) => {
    const random = seeded(seed)
    return shares.some((treated, ring) => {
      const at = { ...LARGE, sites: 100, failing: 0.02, treated, control: 0.1 }
      return goodRing(standardGates({ rings: RINGS, ring, falseHalts: FALSE_HALTS }), at, random)
    })
  })
  return [
    {
      name: `false halts, ${RINGS} rings, 6 gates, correlated devices`,
      value: halted,
      unit: 'share',
      goal: { op: '<=', value: FALSE_HALTS },
    },
  ]
}

/** True where a ring to which nothing was done is ever halted. */
function goodRing(gates: readonly GateSpec[], ring: Ring, random: () => number): boolean {
  const devices = ring.sites * ring.devicesPerSite
  const planned = { treated: devices * ring.treated, control: devices * ring.control }
  const small = planned.treated < 100
  const ledger = openLedger(gates)
  const streams = gates.map((gate) => {
    const facts = factsFor(gate, ring, { random, devices: small ? planned.treated : 0 })
    return { gate, facts, next: facts.next() }
  })
  for (let nowMs = 2 * HOUR_MS; ; nowMs += 2 * HOUR_MS) {
    for (const stream of streams) {
      for (; stream.next.done !== true && stream.next.value.atMs <= nowMs; stream.next = stream.facts.next())
        tell(ledger, stream.gate, stream.next.value)
    }
    if (judge(gates, ledger, { nowMs, planned }).decision === 'HALT') return true
    if (streams.every(({ next }) => next.done)) return false
  }
}

function factsFor(
  { test }: GateSpec,
  ring: Ring,
  { random, devices }: { random: () => number; devices: number },
): Generator<GateFact> {
  if (test.kind === 'score') return scoreFacts(ring, random)
  if (test.kind === 'shadow') return shadowFacts({ devices, worse: 0.02, better: 0.02 }, random)
  return failureFacts(ring, random)
}

interface Looked {
  /** Since the ring began, when the gate halted; null where it never did. */
  readonly haltedAfterMs: number | null
  /** The z-test passed its 5 % at one of the looks. */
  readonly zHalted: boolean
  /** More than 5 % of the treated devices failed in the end. */
  readonly overThreshold: boolean
  /** At its end, and not halted before. */
  readonly promoted: boolean
}

/** One gate over failures, looked at after each of them: in between, its evidence stands still. */
function lookedAt(gate: GateSpec, ring: Ring, seed: number): Looked {
  const ledger = openLedger([gate])
  const planned = { treated: 1_000, control: 1_000 }
  const seen: Seen = { treated: { devices: 0, failed: 0 }, control: { devices: 0, failed: 0 } }
  let haltedAfterMs: number | null = null
  let zHalted = false
  let nowMs = 0
  for (const fact of failureFacts(ring, seeded(seed))) {
    // Who halted has seen enough; the static threshold goes on to the end.
    if (haltedAfterMs === null || !zHalted) tell(ledger, gate, fact)
    if (fact.kind === 'shadowed') continue
    nowMs = fact.atMs
    if (fact.kind === 'entered') seen[fact.arm].devices += 1
    if (fact.kind === 'entered' || fact.value !== 1) continue
    seen[fact.arm].failed += 1
    zHalted ||= seen.treated.devices + seen.control.devices >= 200 && zScore(seen) > Z_AT_5_PERCENT
    if (haltedAfterMs === null && judge([gate], ledger, { nowMs, planned }).decision === 'HALT')
      haltedAfterMs = nowMs
  }
  const overThreshold = seen.treated.failed > 0.05 * seen.treated.devices
  const ended = judge([gate], ledger, { nowMs, planned }).decision
  return { haltedAfterMs, zHalted, overThreshold, promoted: haltedAfterMs === null && ended === 'PROMOTE' }
}

type Seen = Record<Arm, { devices: number; failed: number }>

/** One-sided. */
const Z_AT_5_PERCENT = 1.645

/** The z-score of two shares, pooled. */
function zScore({ treated, control }: Seen): number {
  const pooled = (treated.failed + control.failed) / (treated.devices + control.devices)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / treated.devices + 1 / control.devices))
  return (treated.failed / treated.devices - control.failed / control.devices) / error
}

function oneGate(campaigns: number, progress: (line: string) => void): readonly BenchRow[] {
  const gate = crashGate(FALSE_HALTS)
  const ring = { ...LARGE, sites: 500, treated: 0.3, control: 0.1, failing: 0.02 }
  const seen = looks(campaigns, progress, { what: 'good rings', gate, ring })
  return [
    {
      name: 'false halts, one gate at 5 %',
      value: share(seen, ({ haltedAfterMs }) => haltedAfterMs !== null),
      unit: 'share',
      baseline: share(seen, ({ zHalted }) => zHalted),
      goal: { op: '<=', value: FALSE_HALTS },
    },
    {
      name: 'false halts, z-test at 5 % looked at as often',
      value: share(seen, ({ zHalted }) => zHalted),
      unit: 'share',
    },
  ]
}

function doublings(campaigns: number, progress: (line: string) => void): readonly BenchRow[] {
  // The share of false halts that one gate of one ring has in a whole campaign.
  const gate = crashGate(FALSE_HALTS / (RINGS * 6))
  const cases = [
    { name: '1 % to 2 %', ring: { ...LARGE, harm: 2 } },
    { name: '2 % to 4 %', ring: { ...LARGE, failing: 0.02, treated: 0.05, control: 0.1, harm: 2 } },
  ]
  const rows = cases.flatMap(({ name, ring }): BenchRow[] => {
    const seen = looks(campaigns, progress, { what: `doublings from ${name}`, gate, ring })
    const after = seen.map(({ haltedAfterMs }) => haltedAfterMs ?? Number.POSITIVE_INFINITY)
    return [
      {
        name: `doubling found, ${name}`,
        value: share(seen, ({ haltedAfterMs }) => haltedAfterMs !== null),
        unit: 'share',
        baseline: share(seen, ({ overThreshold }) => overThreshold),
        goal: { op: '>=', value: 0.95 },
      },
      {
        name: `doubling found by a static 5 % threshold, ${name}`,
        value: share(seen, ({ overThreshold }) => overThreshold),
        unit: 'share',
      },
      {
        name: `doubling promoted, ${name}`,
        value: share(seen, ({ promoted }) => promoted),
        unit: 'share',
        goal: { op: '<=', value: gate.beta },
      },
      { name: `halt after the ring began, p50, ${name}`, value: quantile(after, 0.5) / HOUR_MS, unit: 'h' },
    ]
  })
  const good = looks(Math.ceil(campaigns / 4), progress, { what: 'good large rings', gate, ring: LARGE })
  return [
    ...rows,
    {
      name: 'good release promoted, 1 %',
      value: share(good, ({ promoted }) => promoted),
      unit: 'share',
    },
  ]
}

/** Slower by a twentieth of the scale in a ring of the size of a thousand devices. */
function drifts(campaigns: number, progress: (line: string) => void): readonly BenchRow[] {
  const gates = standardGates({ rings: RINGS, ring: 1, falseHalts: FALSE_HALTS }).filter(
    ({ name }) => name === 'latency',
  )
  const ring = { ...LARGE, sites: 500, control: 0.1 }
  const ended = (drift: number) => (seed: number) => {
    const ledger = openLedger(gates)
    for (const gate of gates)
      for (const fact of scoreFacts({ ...ring, drift }, seeded(seed))) tell(ledger, gate, fact)
    return judge(gates, ledger, { nowMs: 48 * HOUR_MS, planned: { treated: 1_000, control: 1_000 } }).decision
  }
  const found = tallied(campaigns, progress, 'slower releases', (seed) => ended(0.05)(seed) === 'HALT')
  const passed = tallied(campaigns, progress, 'releases as fast', (seed) => ended(0)(seed) === 'PROMOTE')
  return [
    {
      name: 'latency drift found, 1,000 devices',
      value: found,
      unit: 'share',
      goal: { op: '>=', value: 0.95 },
    },
    { name: 'no drift promoted, 1,000 devices', value: passed, unit: 'share' },
  ]
}

/** Thirty devices: too few to compare with one another. */
function shadows(campaigns: number, progress: (line: string) => void): readonly BenchRow[] {
  const gates = standardGates({ rings: RINGS, ring: 0, falseHalts: FALSE_HALTS }).filter(
    ({ name }) => name === 'shadow',
  )
  const ever = (worse: number, wanted: string) => (seed: number) => {
    const ledger = openLedger(gates)
    for (const fact of shadowFacts({ devices: 30, worse, better: 0.02 }, seeded(seed))) {
      for (const gate of gates) tell(ledger, gate, fact)
      const look = { nowMs: fact.atMs, planned: { treated: 30, control: 30 } }
      if (judge(gates, ledger, look).decision === wanted) return true
    }
    return false
  }
  return [
    {
      name: 'shadow of 30 devices: false halts',
      value: tallied(campaigns, progress, 'good shadows', ever(0.02, 'HALT')),
      unit: 'share',
      goal: { op: '<=', value: FALSE_HALTS },
    },
    {
      name: 'shadow of 30 devices: 6 % worse, 2 % better found',
      value: tallied(campaigns, progress, 'bad shadows', ever(0.06, 'HALT')),
      unit: 'share',
      goal: { op: '>=', value: 0.95 },
    },
    {
      name: 'shadow of 30 devices: good release promoted',
      value: tallied(campaigns, progress, 'good shadows', ever(0.02, 'PROMOTE')),
      unit: 'share',
    },
  ]
}

/** What a fact costs, in a ring of a large fleet. */
function cost(): readonly BenchRow[] {
  return (['failure', 'score'] as const).map((kind) => {
    const gate = standardGates({ rings: RINGS, ring: 1 }).find(({ test }) => test.kind === kind)
    if (gate === undefined) throw new Error(`the standard gates have none of the kind ${kind}`)
    const told = [...(kind === 'score' ? scoreFacts : failureFacts)(LARGE, seeded(1))]
    const ledger = openLedger([gate])
    const started = performance.now()
    for (const fact of told) tell(ledger, gate, fact)
    const tookMs = performance.now() - started
    return { name: `telling a gate of one fact, ${kind}`, value: (tookMs * 1_000) / told.length, unit: 'µs' }
  })
}

function crashGate(alpha: number): GateSpec {
  const gate = standardGates({ rings: RINGS, ring: 1 }).find(({ name }) => name === 'crash')
  if (gate === undefined) throw new Error('the standard gates have no crash gate')
  return { ...gate, alpha }
}

function tell(ledger: GateLedger, gate: GateSpec, fact: GateFact): void {
  const state = ledger[gate.name]
  if (state === undefined) throw new Error(`the ledger has no gate ${gate.name}`)
  observe(state, fact)
}

function looks(
  campaigns: number,
  progress: (line: string) => void,
  { what, gate, ring }: { what: string; gate: GateSpec; ring: Ring },
): readonly Looked[] {
  const seen: Looked[] = []
  for (let seed = 1; seed <= campaigns; seed += 1) {
    seen.push(lookedAt(gate, ring, seed))
    if (seed % 500 === 0) progress(`${what}: ${seed} of ${campaigns}`)
  }
  return seen
}

/** The share of seeds for which `happened`. */
function tallied(
  campaigns: number,
  progress: (line: string) => void,
  what: string,
  happened: (seed: number) => boolean,
): number {
  let count = 0
  for (let seed = 1; seed <= campaigns; seed += 1) {
    if (happened(seed)) count += 1
    if (seed % 500 === 0) progress(`${what}: ${seed} of ${campaigns}`)
  }
  return count / campaigns
}

function share<T>(seen: readonly T[], holds: (one: T) => boolean): number {
  return seen.filter((one) => holds(one)).length / seen.length
}
