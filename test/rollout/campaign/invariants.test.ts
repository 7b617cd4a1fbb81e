/** Whatever happens to a campaign, in whatever order and how often: its invariants (rollout/SPEC.md) hold after each event. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignmentFor } from '../../../rollout/campaign/assignment.ts'
import { stateHash } from '../../../rollout/campaign/digest.ts'
import type { CampaignEvent } from '../../../rollout/campaign/events.ts'
import { isControl } from '../../../rollout/campaign/fleet.ts'
import { reduce } from '../../../rollout/campaign/reduce.ts'
import { openCampaign, type CampaignState } from '../../../rollout/campaign/state.ts'
import { MAX_TICK_MS } from '../../../rollout/campaign/tick.ts'
import { HEALTHY, HOUR_MS, joined, names, planOf, reported, START_MS } from '../../support/campaign.ts'

const DEVICES = names(14)
const BUDGET = 2
const plan = planOf({
  rings: [
    { name: 'canary', share: 0.6, dwellMs: HOUR_MS, leastDevices: 2 },
    { name: 'all', share: 1, dwellMs: HOUR_MS, leastDevices: 2 },
  ],
  budget: {
    devicesAtRisk: BUDGET,
    siteShare: 0.5,
    bytes: { windowMs: HOUR_MS, total: 3_000_000, site: 1_000_000 },
  },
  freezes: [{ kind: 'weekly', days: [1], from: '12:00', to: '13:00' }],
  approvals: 2,
  bakeMs: HOUR_MS,
  hardware: ['tablet'],
})
const PEOPLE = ['ada', 'grace', 'edsger', 'barbara'] as const
const SITES = ['oslo', 'bergen'] as const

const device = fc.constantFrom(...DEVICES)
const by = fc.constantFrom(...PEOPLE)
const id = fc.integer({ min: 0, max: 400 }).map((number) => `command-${number}`)
const atMs = fc.integer({ min: START_MS - 400 * 24 * HOUR_MS, max: START_MS + 400 * 24 * HOUR_MS })

const anyEvent: fc.Arbitrary<CampaignEvent> = fc.oneof(
  fc
    .record({
      device,
      site: fc.constantFrom(...SITES),
      sequence: fc.integer({ min: 0, max: 5 }),
      hardware: fc.constantFrom('tablet', 'tablet', 'phone'),
    })
    .map(({ device: name, ...facts }) => joined(name, { ...facts, sequence: facts.sequence + 10 })),
  fc.record({ kind: fc.constant('left' as const), device: fc.constantFrom(...DEVICES.slice(0, 2)) }),
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('asked' as const), device }) },
  {
    weight: 8,
    arbitrary: fc
      .record({
        device,
        sequence: fc.integer({ min: 2, max: 60 }),
        generation: fc.integer({ min: 7, max: 12 }),
        stands: fc.constantFrom(
          'last_good' as const,
          'installing' as const,
          'committed' as const,
          'committed' as const,
          'parked' as const,
          'refused' as const,
        ),
        hours: fc.integer({ min: 0, max: 3 }),
        crashes: fc.constantFrom(0, 0, 0, 1),
      })
      .map(({ device: name, hours, crashes, ...rest }) =>
        reported(name, {
          ...rest,
          candidate: rest.stands === 'committed' ? { ...HEALTHY, upMs: hours * HOUR_MS, crashes } : null,
        }),
      ),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ticked' as const),
      sequence: fc.integer({ min: 1, max: 60 }),
      atMs: fc.oneof(atMs, fc.integer({ min: START_MS, max: START_MS + 72 * HOUR_MS })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ id, by, atMs, digit: fc.constantFrom('a', 'b', 'c') })
      .map(({ digit, ...rest }) => ({
        kind: 'approved' as const,
        ...rest,
        keyId: digit.repeat(64),
        planDigest: openCampaign(plan, START_MS).planDigest,
      })),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('paused' as const, 'resumed' as const, 'resumed' as const, 'halted' as const),
      id,
      by,
      atMs,
      reason: fc.constant(''),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 7, max: 14 }).map((generation) => ({
      kind: 'stated' as const,
      generation,
      statement: 'd'.repeat(64),
      keyId: 'e'.repeat(64),
    })),
  },
)

/** Ticks mostly come in their order; one in five is old or repeated. */
const anyEvents = (maxLength: number): fc.Arbitrary<CampaignEvent[]> =>
  fc
    .array(anyEvent, { maxLength, minLength: maxLength / 2 })
    .map((events) =>
      events.map((event, at) =>
        event.kind === 'ticked' && event.sequence % 5 > 0 ? { ...event, sequence: at + 2 } : event,
      ),
    )

/** An approved campaign over a fleet that has reported, so that short sequences come far. */
function begun(): CampaignState {
  const events: CampaignEvent[] = DEVICES.flatMap((name, at) => [
    joined(name, { site: SITES[at % 2] ?? 'oslo' }),
    reported(name),
  ])
  const state = events.reduce(reduce, openCampaign(plan, START_MS))
  const approved = ['grace', 'edsger'].map((person, at) => ({
    kind: 'approved' as const,
    id: `first-${person}`,
    atMs: START_MS,
    by: person,
    keyId: (['a', 'b'][at] ?? 'a').repeat(64),
    planDigest: state.planDigest,
  }))
  const stated = { kind: 'stated', generation: 8, statement: 'd'.repeat(64), keyId: 'e'.repeat(64) } as const
  return [
    ...approved,
    stated,
    { kind: 'ticked', sequence: 1, atMs: START_MS } as const,
  ].reduce<CampaignState>(reduce, state)
}

function holdsAfter(before: CampaignState, event: CampaignEvent, after: CampaignState): void {
  const all = [...after.devices.values()]
  const atRisk = all.filter(({ risk, left }) => risk === 'at_risk' && !left)
  // R1, and that the sums are what they are sums of.
  expect(after.counts.atRisk).toBe(atRisk.length)
  expect(after.counts.exposed).toBe(all.filter(({ grant }) => grant !== null).length)
  const begunNow = all.filter(
    (one) => one.grant !== null && one.grant !== before.devices.get(one.device)?.grant,
  )
  if (begunNow.some(({ device: name }) => before.devices.get(name)?.risk !== 'at_risk'))
    expect(after.counts.atRisk).toBeLessThanOrEqual(BUDGET)
  // R2: a ring passes only by its gates' verdict, after its dwell time.
  for (const ring of after.rings.filter(({ outcome }) => outcome === 'promoted')) {
    expect(ring.override === undefined ? ring.verdict?.decision : 'PROMOTE').toBe('PROMOTE')
    expect((ring.closedMs ?? 0) - ring.openedMs).toBeGreaterThanOrEqual(HOUR_MS)
  }
  // R3: nobody begins anything unless it runs; a halt ends by two.
  if (begunNow.length > 0) expect(['running', 'complete']).toContain(after.phase)
  if (before.phase === 'halted' && after.phase === 'running') {
    expect(event.kind).toBe('resumed')
    expect(before.resumers).toHaveLength(1)
    expect(before.resumers).not.toContain((event as { by: string }).by)
  }
  // R4: whoever was given it lies below the cut, and is none of the control.
  for (const one of begunNow) {
    if (after.phase !== 'running') continue
    expect(one.unit).toBeLessThan(after.rings.at(-1)?.cut ?? 0)
    expect(isControl(after, one)).toBe(false)
    // R11.
    expect(one.facts?.hardware).toBe('tablet')
  }
  for (const [at, ring] of after.rings.entries())
    if (at > 0 && ring.name === 'all') expect(ring.cut).toBeGreaterThanOrEqual(after.rings[0]?.cut ?? 1)
  // R5: generations only rise, for each device, and only what is signed is assigned.
  expect(after.direction.generation).toBeGreaterThanOrEqual(before.direction.generation)
  for (const name of DEVICES) {
    const [was, is] = [assignmentFor(before, name), assignmentFor(after, name)]
    const isHere = before.devices.get(name)?.facts?.hardware === after.devices.get(name)?.facts?.hardware
    if (was.kind === 'run' && is.kind === 'run' && isHere)
      expect(is.generation).toBeGreaterThanOrEqual(was.generation)
    if (is.kind === 'run' && is.runs === 'candidate') {
      expect(after.direction.statement).not.toBeNull()
      const stated = after.decisions.flatMap((one) => (one.kind === 'stated' ? [one.generation] : []))
      expect(stated).toContain(is.generation)
      expect(after.phase === 'halted').toBe(false)
    }
  }
  // R6.
  expect(after.approvals.map((one) => one.by)).not.toContain('ada')
  expect(new Set(after.approvals.map((one) => one.by)).size).toBe(after.approvals.length)
  // R12: forward only, and never by more than an hour.
  const passed = after.clock.campaignMs - before.clock.campaignMs
  expect(passed).toBeGreaterThanOrEqual(0)
  expect(passed).toBeLessThanOrEqual(event.kind === 'ticked' ? MAX_TICK_MS : 0)
}

describe('the invariants', () => {
  it('hold after any event, in any order, from a campaign that runs', () => {
    fc.assert(
      fc.property(anyEvents(120), (events) => {
        events.reduce((before, event) => {
          const after = reduce(before, event)
          holdsAfter(before, event, after)
          return after
        }, begun())
      }),
      { numRuns: 40 },
    )
  })

  it('hold from one that nobody approved, which gives nothing before both approvals (R6)', () => {
    fc.assert(
      fc.property(anyEvents(60), (events) => {
        events.reduce(
          (before, event) => {
            const after = reduce(before, event)
            holdsAfter(before, event, after)
            if (after.approvals.length < 2) expect(after.counts.exposed).toBe(0)
            return after
          },
          openCampaign(plan, START_MS),
        )
      }),
      { numRuns: 30 },
    )
  })

  it('an event that comes twice in a row changes nothing the second time (R9)', () => {
    fc.assert(
      fc.property(anyEvents(60), (events) => {
        events.reduce((before, event) => {
          const after = reduce(before, event)
          expect(reduce(after, event)).toBe(after)
          return after
        }, begun())
      }),
      { numRuns: 30 },
    )
  })

  it('reports and joinings between two ticks, and questions after them, make one state in any order, repeated or not (R9)', () => {
    const isOfDevices = ({ kind }: CampaignEvent): boolean =>
      kind === 'reported' || kind === 'joined' || kind === 'asked'
    const mixed = fc
      .array(anyEvent.filter(isOfDevices), { maxLength: 40 })
      // Two reports of one number that say different things are no reordering, but a lie.
      .map((events) => [...new Map(events.map((event) => [keyOf(event), event])).values()])
      .chain((events) =>
        fc.tuple(
          fc.constant(events),
          fc.shuffledSubarray([...events, ...events], { minLength: 2 * events.length }),
        ),
      )
    fc.assert(
      fc.property(mixed, ([events, shuffled]) => {
        const tick = { kind: 'ticked', sequence: 300, atMs: START_MS + 60_000 } as const
        const end = (order: readonly CampaignEvent[]) =>
          stateHash([...order, tick].reduce<CampaignState>(reduce, begun()))
        expect(
          end(
            shuffled
              .filter(({ kind }) => kind !== 'asked')
              .concat(shuffled.filter(({ kind }) => kind === 'asked')),
          ),
        ).toBe(
          end(
            events
              .filter(({ kind }) => kind !== 'asked')
              .concat(events.filter(({ kind }) => kind === 'asked')),
          ),
        )
      }),
      { numRuns: 80 },
    )
  })

  it('an older state goes on as if the newer one had never been (R8)', () => {
    fc.assert(
      fc.property(anyEvents(50), anyEvents(50), (one, other) => {
        const start = begun()
        const hash = stateHash(one.reduce(reduce, start))
        stateHash(other.reduce(reduce, start))
        expect(stateHash(one.reduce(reduce, start))).toBe(hash)
      }),
      { numRuns: 40 },
    )
  })
})

function keyOf(event: CampaignEvent): string {
  return `${event.kind} ${'device' in event ? event.device : ''} ${'sequence' in event ? event.sequence : ''}`
}
