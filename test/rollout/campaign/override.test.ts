/** A person's signed word for a ring whose gates hold (SPEC.md, R2). */
import { describe, expect, it } from 'vitest'
import { openOverride, signOverride, verdictDigest } from '../../../rollout/campaign/override.ts'
import type { EventOf } from '../../../rollout/campaign/events.ts'
import { reduce } from '../../../rollout/campaign/reduce.ts'
import type { CampaignState } from '../../../rollout/campaign/state.ts'
import { assertTaken } from '../../../rollout/campaign/transitions.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { command, HOUR_MS, planOf, run, running, START_MS, ticked } from '../../support/campaign.ts'

const overridden = (
  state: CampaignState,
  change: Partial<EventOf<'overridden'>> = {},
): EventOf<'overridden'> => {
  const verdict = state.rings.at(-1)?.verdict
  return {
    kind: 'overridden',
    id: 'override-1',
    atMs: START_MS,
    by: 'grace',
    keyId: 'f'.repeat(64),
    ring: state.rings.at(-1)?.name ?? '',
    verdictDigest: verdict == null ? '0'.repeat(64) : verdictDigest(verdict),
    reason: 'three tablets, tried by hand',
    ...change,
  }
}
const held = (): CampaignState => ticked(running(planOf()))

describe('an override', () => {
  it('lets a ring that holds pass, after its dwell time and not before', () => {
    const before = held()
    expect(before.rings[0]?.verdict?.decision).toBe('HOLD')
    const word = overridden(before)
    const after = reduce(before, word)
    expect(after.decisions.at(-1)).toMatchObject({ kind: 'overridden', by: 'grace', ring: 'canary' })
    const early = ticked(after)
    expect(early.rings).toHaveLength(1)
    const late = ticked(early, HOUR_MS)
    expect(late.rings.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['canary', 'promoted'],
      ['all', 'open'],
    ])
    expect(late.rings[0]?.override).toMatchObject({ by: 'grace', verdictDigest: word.verdictDigest })
    expect(late.rings[0]?.verdict?.decision).toBe('HOLD')
    expect(ticked(late, HOUR_MS).rings).toHaveLength(2)
  })

  it.each([
    ['its author', { by: 'ada' }, 'author_may_not_approve'],
    ['another ring', { ring: 'all' }, 'other_ring'],
    ['what the gates said before', { verdictDigest: '1'.repeat(64) }, 'other_verdict'],
  ])('is refused of %s', (_what, change, reason) => {
    const state = held()
    const word = overridden(state, change)
    expect(reduce(state, word)).toBe(state)
    expect(() => assertTaken(state, word)).toThrow(expect.objectContaining({ reason }) as Error)
  })

  it('does not outlast a halt: the ring begins anew without it', () => {
    const state = held()
    let after = run(reduce(state, overridden(state)), command('halted', 'grace'))
    expect(() => assertTaken(after, overridden(after, { id: 'again' }))).toThrow(/is halted already|refuses/)
    after = run(after, command('resumed', 'grace'), command('resumed', 'edsger'))
    expect(after.rings.filter(({ outcome }) => outcome === 'open')).toEqual([])
    expect(after.rings.at(-1)?.outcome).toBe('halted')
  })

  it('is signed over plan, ring and verdict, and read only when the signature holds', () => {
    const key = generateKeyPair()
    const said = {
      campaign: 'spring',
      planDigest: 'a'.repeat(64),
      ring: 'canary',
      verdictDigest: 'b'.repeat(64),
      reason: 'tried by hand',
    }
    const envelope = signOverride(said, key)
    expect(openOverride(envelope, key.publicKey)).toEqual(said)
    expect(() => openOverride(envelope, generateKeyPair().publicKey)).toThrow(/envelope is refused/)
  })
})
