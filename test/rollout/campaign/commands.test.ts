import { describe, expect, it } from 'vitest'
import { assignmentFor, statementNeeded } from '../../../rollout/campaign/assignment.ts'
import { signApproval, verifyApproval, ApprovalRefused } from '../../../rollout/campaign/approval.ts'
import { CampaignEventSchema } from '../../../rollout/campaign/events.ts'
import { BadPlan } from '../../../rollout/campaign/plan.ts'
import { openCampaign, PHASES } from '../../../rollout/campaign/state.ts'
import { assertTaken, CampaignRefused, TRANSITIONS } from '../../../rollout/campaign/transitions.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import {
  approvedBy,
  asked,
  command,
  joined,
  names,
  planOf,
  reported,
  run,
  running,
  signed,
  START_MS,
  ticked,
} from '../../support/campaign.ts'

const refusalOf = (use: () => void): string | null => {
  try {
    use()
    return null
  } catch (thrown) {
    if (thrown instanceof CampaignRefused) return thrown.reason
    throw thrown
  }
}

describe('approvals (R6)', () => {
  it('refuse the author, by name and by key', () => {
    const state = openCampaign(planOf({ authorKeyId: 'f'.repeat(64) }), START_MS)
    expect(refusalOf(() => assertTaken(state, approvedBy('ada', state)))).toBe('author_may_not_approve')
    expect(refusalOf(() => assertTaken(state, approvedBy('grace', state, 'f')))).toBe(
      'author_may_not_approve',
    )
    expect(run(state, approvedBy('ada', state))).toBe(state)
  })

  it('count once a person and once a key, and start the campaign with the last one', () => {
    const state = openCampaign(planOf({ approvals: 2 }), START_MS)
    const one = run(state, approvedBy('grace', state))
    expect(one.phase).toBe('awaiting_approval')
    const secondKey = { ...approvedBy('grace', state, 'd'), id: 'again' }
    expect(refusalOf(() => assertTaken(one, secondKey))).toBe('counted_already')
    expect(refusalOf(() => assertTaken(one, approvedBy('edsger', state)))).toBe('counted_already')
    const two = run(one, approvedBy('edsger', state, 'd'))
    expect(two.phase).toBe('running')
    expect(statementNeeded(two)).toMatchObject({ runs: 'candidate', generation: 8 })
  })

  it('name the plan that they approve', () => {
    const state = openCampaign(planOf(), START_MS)
    const other = openCampaign(planOf({ salt: 'another-salt' }), START_MS)
    expect(refusalOf(() => assertTaken(state, approvedBy('grace', other)))).toBe('other_plan')
  })

  it('are signatures over the digest, by a key that may approve', () => {
    const [key, stranger] = [generateKeyPair(), generateKeyPair()]
    const wanted = { campaign: 'spring', planDigest: 'a'.repeat(64) }
    const envelope = signApproval(wanted, key)
    expect(verifyApproval(envelope, wanted, [stranger.publicKey, key.publicKey])).toBe(key.publicKey.id)
    expect(() => verifyApproval(envelope, wanted, [stranger.publicKey])).toThrow(ApprovalRefused)
    expect(() => verifyApproval(envelope, { ...wanted, campaign: 'autumn' }, [key.publicKey])).toThrow(
      ApprovalRefused,
    )
    expect(() =>
      verifyApproval(envelope, { ...wanted, planDigest: 'b'.repeat(64) }, [key.publicKey]),
    ).toThrow(ApprovalRefused)
    expect(() => verifyApproval({ ...envelope, payload: 'e30=' }, wanted, [key.publicKey])).toThrow(
      ApprovalRefused,
    )
    expect(() => verifyApproval('nonsense', wanted, [key.publicKey])).toThrow(ApprovalRefused)
  })
})

describe('pause, halt and resume (R3)', () => {
  it('a pause gives nothing more, and one operator ends it', () => {
    const state = run(running(), command('paused', 'grace'))
    const device = names(50).find((name) => (state.devices.get(name)?.unit ?? 1) < 0.2) ?? ''
    expect(run(state, asked(device))).toBe(state)
    expect(run(state, command('resumed', 'grace')).phase).toBe('running')
  })

  it('a halt ends by two different operators only', () => {
    const state = run(running(), command('halted', 'anyone'))
    const one = run(state, command('resumed', 'grace'))
    expect(one.phase).toBe('halted')
    expect(refusalOf(() => assertTaken(one, command('resumed', 'grace')))).toBe('counted_already')
    expect(run(one, command('resumed', 'grace'))).toBe(one)
    const two = run(one, command('resumed', 'edsger'))
    expect(two.phase).toBe('running')
    expect(two.rings.at(-1)?.outcome).toBe('halted')
    expect(ticked(signed(two)).rings.at(-1)).toMatchObject({ name: 'canary', outcome: 'open', verdict: null })
  })

  it('whoever resumed an earlier halt is asked anew', () => {
    const once = run(
      running(),
      command('halted', 'a'),
      command('resumed', 'grace'),
      command('resumed', 'edsger'),
    )
    const again = run(once, command('halted', 'a'), command('resumed', 'grace'))
    expect(again.phase).toBe('halted')
    expect(again.resumers).toEqual(['grace'])
  })

  it('a resumption that comes twice counts once, also for a later halt (R9)', () => {
    const resume = command('resumed', 'grace')
    const state = run(
      running(),
      command('halted', 'a'),
      resume,
      command('resumed', 'edsger'),
      command('halted', 'b'),
    )
    expect(run(state, resume)).toBe(state)
  })

  it('refuses what may not be, by name', () => {
    const waiting = openCampaign(planOf(), START_MS)
    expect(refusalOf(() => assertTaken(waiting, command('halted', 'a')))).toBe('awaits_approval')
    expect(refusalOf(() => assertTaken(running(), command('resumed', 'a')))).toBe('not_paused')
    expect(refusalOf(() => assertTaken(run(running(), command('halted', 'a')), command('paused', 'a')))).toBe(
      'halted',
    )
    const over = run(running(), command('cancelled', 'a'))
    for (const kind of ['paused', 'resumed', 'halted', 'cancelled'] as const) {
      expect(refusalOf(() => assertTaken(over, command(kind, 'a')))).toBe('over')
      expect(run(over, command(kind, 'a'))).toBe(over)
    }
    // What a cancelled campaign went back to, something newer may decide; then it is over for that too.
    const superseded = run(over, command('superseded', 'a'))
    expect(superseded.phase).toBe('superseded')
    expect(refusalOf(() => assertTaken(superseded, command('superseded', 'a')))).toBe('over')
  })
})

describe('the turn back (R5, R7)', () => {
  const granted = () => {
    const state = running()
    const device = names(50).find((name) => (state.devices.get(name)?.unit ?? 1) < 0.2) ?? ''
    return { device, state: ticked(run(state, asked(device))) }
  }

  it('assigns the last good bundle by itself, once that is signed for, with a higher generation', () => {
    const { device, state } = granted()
    expect(assignmentFor(state, device)).toMatchObject({ runs: 'candidate', generation: 8 })
    const halted = run(state, command('halted', 'anyone'))
    expect(assignmentFor(halted, device)).toEqual({ kind: 'await_statement', generation: 9 })
    expect(statementNeeded(halted)).toMatchObject({
      runs: 'last_good',
      generation: 9,
      bundle: { version: '1.0.0' },
    })
    expect(assignmentFor(signed(halted), device)).toMatchObject({ runs: 'last_good', generation: 9 })
  })

  it('a statement of another generation changes nothing', () => {
    const halted = run(granted().state, command('halted', 'anyone'))
    const stated = { kind: 'stated', statement: 'd'.repeat(64), keyId: 'e'.repeat(64) } as const
    expect(run(halted, { ...stated, generation: 8 })).toBe(halted)
    expect(run(halted, { ...stated, generation: 10 })).toBe(halted)
  })

  it('a cancelled campaign goes back too, a superseded one decides nothing', () => {
    const { device, state } = granted()
    const cancelled = signed(run(state, command('cancelled', 'a')))
    expect(assignmentFor(cancelled, device)).toMatchObject({ runs: 'last_good', generation: 9 })
    const superseded = run(state, command('superseded', 'a'))
    expect(assignmentFor(superseded, device)).toEqual({ kind: 'none', reason: 'superseded' })
  })

  it('is at an end for a device that is back, has given up or has left (R1)', () => {
    const { device, state } = granted()
    expect(state.counts.atRisk).toBe(1)
    expect(run(state, { kind: 'left', device }).counts.atRisk).toBe(0)
    const parked = reported(device, { sequence: 2, generation: 8, stands: 'parked', code: 'smoke_failed' })
    expect(run(state, parked).counts).toMatchObject({ atRisk: 0, returned: 1, exposed: 1 })
    const halted = signed(run(state, command('halted', 'a')))
    expect(halted.counts.atRisk).toBe(1)
    const old = reported(device, { sequence: 2, generation: 7 })
    expect(run(halted, old).counts.atRisk).toBe(1)
    expect(run(halted, { ...old, sequence: 3, generation: 9 }).counts).toMatchObject({
      atRisk: 0,
      returned: 1,
    })
  })
})

describe('the table (R14)', () => {
  it('has a cell for every phase and event', () => {
    const kinds = CampaignEventSchema.options.map((option) => option.entries.kind.literal)
    expect(Object.keys(TRANSITIONS)).toEqual([...PHASES])
    for (const row of Object.values(TRANSITIONS)) expect(Object.keys(row).sort()).toEqual([...kinds].sort())
  })
})

describe('a plan', () => {
  const rings = planOf().rings
  it.each([
    ['a candidate that is no newer', { candidate: planOf().lastGood }],
    ['another bundle to go back to', { lastGood: { ...planOf().lastGood, name: 'intent' } }],
    ['rings that do not grow', { rings: [...rings].reverse() }],
    ['a last ring that is not all', { rings: rings.slice(0, 1) }],
    ['a dwell time that shows nothing', { rings: rings.map((ring) => ({ ...ring, dwellMs: 60_000 })) }],
    ['no gates', { gates: [] }],
    ['a gate over a metric that nobody reports', { gates: [{ ...planOf().gates[0], name: 'mood' }] }],
    ['a share above the whole', { controlShare: 1.5 }],
    ['a threshold that is a word', { approvals: 'many' }],
    ['no approval', { approvals: 0 }],
    [
      'a freeze that ends before it begins',
      { freezes: [{ kind: 'dates', from: '2026-12-27', to: '2026-12-24' }] },
    ],
  ])('is refused with %s', (_, changes) => {
    expect(() => planOf(changes as never)).toThrow(BadPlan)
  })

  it('of an emergency may be one short ring, and needs its approval like any other (R13)', () => {
    const plan = planOf({ urgency: 'emergency', rings: [{ name: 'all', share: 1, dwellMs: 300_000 }] })
    const state = run(openCampaign(plan, START_MS), joined('device-1'), reported('device-1'))
    expect(ticked(run(state, asked('device-1'))).counts.exposed).toBe(0)
    const open = ticked(signed(run(state, approvedBy('grace', state))))
    expect(open.decisions.map(({ kind }) => kind)).toEqual(['approved', 'started', 'stated', 'ring_opened'])
  })
})
