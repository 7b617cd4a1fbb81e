import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DATA_CLASSES, type EffectRequest } from '../../../shared/kernel/contract.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { evaluatePolicy, type PolicyDocument, type PolicyRule } from '../../../shared/policy/policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { sources } from '../../mutation/gates.ts'
import { technicianAsks } from '../../support/governed.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 86_400_000
const onDevice = { region: 'device' as const }

const permit = (change: Partial<PolicyRule> = {}): PolicyRule => ({
  id: 'permits',
  effect: 'permit',
  actions: ['note.record'],
  roles: ['technician'],
  whenExpired: false,
  ...change,
})

function policyOf(...rules: readonly PolicyRule[]): PolicyDocument {
  return { ...fieldServicePolicy({ environment: 'development', version: 1, nowMs: NOW }), rules: [...rules] }
}

const asks = (change: Partial<EffectRequest<JsonObject>> = {}) =>
  technicianAsks<JsonObject>('note.record', {}, change)
const verdictOf = (policy: PolicyDocument, change: Partial<EffectRequest<JsonObject>> = {}, nowMs = NOW) =>
  evaluatePolicy(policy, asks(change), onDevice, nowMs)

describe('the policy', () => {
  it('denies what no rule permits, and says so', () => {
    expect(verdictOf(policyOf())).toMatchObject({ verdict: 'deny', rule: 'default-deny' })
    expect(verdictOf(policyOf(permit({ roles: ['operator'] })))).toMatchObject({ rule: 'default-deny' })
    expect(verdictOf(policyOf(permit({ actions: ['note.erase'] })))).toMatchObject({ rule: 'default-deny' })
    expect(verdictOf(policyOf(permit({ resources: ['part'] })))).toMatchObject({ rule: 'default-deny' })
  })

  it('permits by name, by noun and by star, and takes a wildcard for no prefix of a word', () => {
    for (const pattern of ['note.record', 'note.*', '*'])
      expect(verdictOf(policyOf(permit({ actions: [pattern] }))).verdict).toBe('permit')
    for (const pattern of ['note', 'no.*', 'note.rec*', 'note.record.*', '.*'])
      expect(verdictOf(policyOf(permit({ actions: [pattern] }))).verdict).toBe('deny')
  })

  it('lets a deny win, wherever it stands, and past the expiry too', () => {
    const denies = permit({ id: 'denies', effect: 'deny', actions: ['note.*'], roles: ['*'] })
    const always = permit({ whenExpired: true })
    for (const rules of [
      [denies, always],
      [always, denies],
    ])
      for (const nowMs of [NOW, NOW + 400 * DAY])
        expect(verdictOf(policyOf(...rules), {}, nowMs)).toMatchObject({ verdict: 'deny', rule: 'denies' })
  })

  it('lets a deny that names regions forbid these alone', () => {
    const policy = policyOf(
      permit(),
      permit({ id: 'not-abroad', effect: 'deny', actions: ['*'], roles: ['*'], regions: ['centre'] }),
    )
    expect(evaluatePolicy(policy, asks(), { region: 'centre' }, NOW)).toMatchObject({ rule: 'not-abroad' })
    expect(evaluatePolicy(policy, asks(), onDevice, NOW).verdict).toBe('permit')
  })

  it('keeps to the data class, the region and the confidence', () => {
    const policy = policyOf(permit({ maxDataClass: 'internal', regions: ['device'], minConfidence: 0.6 }))
    expect(verdictOf(policy).verdict).toBe('permit')
    expect(verdictOf(policy, { dataClass: 'personal' }).reason).toContain('personal')
    expect(evaluatePolicy(policy, asks(), { region: 'centre' }, NOW).reason).toContain('centre')
    expect(verdictOf(policy, { confidence: 0.59 }).reason).toContain('confidence')
    expect(verdictOf(policy, { confidence: Number.NaN }).verdict).toBe('deny')
    expect(verdictOf(policy, { confidence: 0.6 }).verdict).toBe('permit')
  })

  it('falls to the stricter set at its expiry, and denies all before its beginning', () => {
    const policy = policyOf(permit(), permit({ id: 'always', actions: ['human.ask'], whenExpired: true }))
    const expiry = Date.parse(policy.expiresAt)
    expect(verdictOf(policy, {}, expiry - 1).verdict).toBe('permit')
    expect(verdictOf(policy, {}, expiry)).toMatchObject({ verdict: 'deny', rule: 'expired' })
    const ask = (nowMs: number) =>
      evaluatePolicy(policy, technicianAsks('human.ask', {}), onDevice, nowMs).rule
    expect(ask(expiry)).toBe('always')
    expect(ask(NOW - DAY)).toBe('clock-before-policy')
  })

  it('gives every request a verdict, a permit only by a rule that names its action and a role', () => {
    const word = fc.constantFrom('note.record', 'note.*', 'part.order', '*', 'x')
    const role = fc.constantFrom<string>('technician', 'device', '*')
    const rule: fc.Arbitrary<PolicyRule> = fc.record({
      id: fc.string({ minLength: 1, maxLength: 5 }),
      effect: fc.constantFrom('permit', 'deny'),
      actions: fc.array(word, { minLength: 1, maxLength: 3 }),
      roles: fc.array(role, { minLength: 1, maxLength: 2 }),
      maxDataClass: fc.constantFrom(...DATA_CLASSES),
      whenExpired: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 6 }),
        fc.record({
          dataClass: fc.constantFrom(...DATA_CLASSES),
          confidence: fc.option(fc.double()),
          principal: fc.record({
            kind: fc.constant('person' as const),
            id: fc.string(),
            roles: fc.array(role),
          }),
        }),
        fc.double(),
        (rules, change, nowMs) => {
          const { verdict, reason } = verdictOf(policyOf(...rules), change, nowMs)
          expect(reason.length).toBeGreaterThan(0)
          const named = rules.filter(
            ({ actions, roles }) =>
              actions.some((action) => ['note.record', 'note.*', '*'].includes(action)) &&
              roles.some((one) => one === '*' || change.principal.roles.includes(one)),
          )
          if (named.some(({ effect }) => effect === 'deny')) expect(verdict).toBe('deny')
          if (!named.some(({ effect }) => effect === 'permit')) expect(verdict).toBe('deny')
        },
      ),
    )
  })
})

describe('a signed policy', () => {
  const signer = generateKeyPair()
  const document = fieldServicePolicy({ environment: 'production', version: 4, nowMs: NOW })
  const trust = { keys: [signer.publicKey], environment: 'production' as const, held: null }
  const code = (work: () => unknown): string => {
    try {
      work()
      return 'taken'
    } catch (thrown) {
      return (thrown as { code?: string }).code ?? 'untyped'
    }
  }

  it('opens for the key that signed it', () => {
    expect(openPolicy(signPolicy(document, [signer]), trust).document).toEqual(document)
  })

  it('is refused when anybody else signed it, or a byte was changed', () => {
    const envelope = signPolicy(document, [signer])
    expect(code(() => openPolicy(signPolicy(document, [generateKeyPair()]), trust))).toBe('bad_envelope')
    const bytes = Buffer.from(envelope.payload, 'base64')
    bytes[40] = (bytes[40] ?? 0) ^ 1
    const changed = { ...envelope, payload: bytes.toString('base64') }
    expect(code(() => openPolicy(changed, trust))).toBe('bad_envelope')
    expect(code(() => openPolicy('nothing', trust))).toBe('bad_envelope')
  })

  it('is refused for another environment, as a step back, and as a second text under one version', () => {
    const open = (
      change: Partial<PolicyDocument>,
      held = openPolicy(signPolicy(document, [signer]), trust),
    ) => code(() => openPolicy(signPolicy({ ...document, ...change }, [signer]), { ...trust, held }))
    expect(open({ environment: 'development' })).toBe('policy_refused')
    expect(open({ version: 3 })).toBe('policy_refused')
    expect(open({ rules: [] })).toBe('policy_refused')
    expect(open({ expiresAt: document.validFrom })).toBe('policy_refused')
    expect(open({})).toBe('taken')
    expect(open({ version: 5 })).toBe('taken')
  })

  it('is refused when a rule says what nobody would apply, or a time is none', () => {
    const open = (change: Partial<PolicyDocument>) => () => signPolicy({ ...document, ...change }, [signer])
    expect(open({ rules: [permit({ effect: 'deny', minConfidence: 0.5 })] })).toThrow()
    expect(open({ rules: [permit({ effect: 'deny', maxDataClass: 'public' })] })).toThrow()
    expect(open({ expiresAt: '2026-13-45T00:00:00Z' })).toThrow()
    expect(open({ rules: [permit(), permit()] })).toThrow()
  })
})

describe('the field-service policy', () => {
  /** As the sources name them: what a performer redeems, or is made for. */
  const actions = new Set(
    sources().flatMap(({ text }) =>
      [
        ...text.matchAll(/redeem\(admitted,\s*'([a-z_.]+)'/g),
        ...text.matchAll(/(?:field|centre)Performer(?:<[^(]*>)?\(\s*(?:parts,\s*)?'([a-z_.]+)'/g),
      ].map(([, action = '']) => action),
    ),
  )

  it('names every action that a performer carries out, so that none is denied by oversight', () => {
    expect(actions.size).toBeGreaterThan(15)
    const policy = fieldServicePolicy({ environment: 'development', version: 1, nowMs: NOW })
    const roles = ['technician', 'device', 'centre', 'operator', 'governance']
    const denied = [...actions].filter((action) =>
      (['device', 'centre'] as const).every(
        (region) =>
          evaluatePolicy(
            policy,
            technicianAsks(action, {}, { principal: { kind: 'process', id: 'any', roles } }),
            { region },
            NOW,
          ).verdict === 'deny',
      ),
    )
    expect(denied).toEqual([])
  })

  it('lets a technician do nothing that is the centre’s, and a device nothing that is a person’s', () => {
    const policy = fieldServicePolicy({ environment: 'development', version: 1, nowMs: NOW })
    const verdict = (role: string, action: string) =>
      evaluatePolicy(
        policy,
        technicianAsks(action, {}, { principal: { kind: 'person', id: 'a', roles: [role] } }),
        onDevice,
        NOW,
      ).verdict
    for (const action of [
      'bundle.publish',
      'device.enrol',
      'token.issue',
      'policy.publish',
      'bundle.activate',
    ])
      expect(verdict('technician', action)).toBe('deny')
    for (const action of ['work_order.close', 'part.order', 'token.issue'])
      expect(verdict('device', action)).toBe('deny')
    expect(verdict('governance', 'work_order.close')).toBe('deny')
  })
})
