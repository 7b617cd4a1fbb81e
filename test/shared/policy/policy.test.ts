import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DATA_CLASSES } from '../../../shared/kernel/contract.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import {
  evaluatePolicy,
  PolicySchema,
  type PolicyDocument,
  type PolicyRule,
} from '../../../shared/policy/policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { technicianAsks } from '../../support/governed.ts'

const NOW = Date.UTC(2026, 5, 1)
const document = fieldServicePolicy({ environment: 'development', version: 3, nowMs: NOW })
const device = { region: 'device' } as const
const rule = (change: Partial<PolicyRule>): PolicyRule => ({
  id: 'rule',
  effect: 'permit',
  actions: ['*'],
  roles: ['*'],
  whenExpired: false,
  ...change,
})
const anyRule = fc
  .record({
    id: fc.string({ minLength: 1, maxLength: 10 }),
    effect: fc.constantFrom('permit' as const, 'deny' as const),
    actions: fc.array(fc.constantFrom('*', 'a.*', 'a.b', 'c'), { minLength: 1, maxLength: 3 }),
    roles: fc.array(fc.constantFrom('*', 'technician', 'operator'), { minLength: 1, maxLength: 2 }),
    whenExpired: fc.boolean(),
  })
  .map((made) => rule(made))
const anyRequest = fc
  .record({
    action: fc.constantFrom('a.b', 'a.c', 'c', 'd'),
    confidence: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1, noNaN: true })),
    dataClass: fc.constantFrom(...DATA_CLASSES),
  })
  .map(({ action, ...change }) => technicianAsks(action, {}, change))

describe('the policy', () => {
  it('decides every request, denies by default, and lets a deny win', () => {
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 6 }),
        anyRequest,
        fc.integer({ min: -400, max: 400 }),
        (rules, request, days) => {
          const policy: PolicyDocument = { ...document, rules }
          const nowMs = NOW + days * 86_400_000
          const { verdict } = evaluatePolicy(policy, request, device, nowMs)
          expect(['permit', 'deny']).toContain(verdict)
          if (rules.length === 0) expect(verdict).toBe('deny')
          const denying = rule({ id: 'no', effect: 'deny' })
          expect(
            evaluatePolicy({ ...policy, rules: [...rules, denying] }, request, device, nowMs).verdict,
          ).toBe('deny')
          if (verdict === 'permit' && days > 180) {
            const kept = rules.filter(({ effect, whenExpired }) => effect === 'permit' && whenExpired)
            expect(kept.length).toBeGreaterThan(0)
          }
        },
      ),
    )
  })

  it('holds confidence, data class and region to what the rule says', () => {
    const policy = {
      ...document,
      rules: [rule({ minConfidence: 0.6, maxDataClass: 'internal', regions: ['device'] })],
    }
    const decide = (change: object, region: 'device' | 'centre' = 'device') =>
      evaluatePolicy(policy, technicianAsks('x', {}, change), { region }, NOW).verdict
    expect(decide({})).toBe('permit')
    expect(decide({ confidence: 0.59 })).toBe('deny')
    expect(decide({ confidence: 0.6 })).toBe('permit')
    expect(decide({ confidence: Number.NaN })).toBe('deny')
    expect(decide({ dataClass: 'personal' })).toBe('deny')
    expect(decide({}, 'centre')).toBe('deny')
  })

  it('denies everything on a clock that is far before its beginning, and says so', () => {
    const early = evaluatePolicy(
      document,
      technicianAsks('work_order.list', {}),
      device,
      Date.UTC(2001, 0, 1),
    )
    expect(early).toMatchObject({ verdict: 'deny', rule: 'clock-before-policy' })
    const late = evaluatePolicy(document, technicianAsks('part.order', {}), device, Date.UTC(2031, 0, 1))
    expect(late).toMatchObject({ verdict: 'deny', rule: 'expired' })
    expect(
      evaluatePolicy(document, technicianAsks('step.next', {}), device, Date.UTC(2031, 0, 1)).verdict,
    ).toBe('permit')
  })
})

describe('the signed policy', () => {
  const key = generateKeyPair()
  const trust = { keys: [key.publicKey], environment: 'development' as const, held: null }

  it('opens under its key alone, for its environment alone', () => {
    const envelope = signPolicy(document, [key])
    expect(openPolicy(envelope, trust).document).toEqual(document)
    expect(() => openPolicy(envelope, { ...trust, keys: [generateKeyPair().publicKey] })).toThrow(/refused/)
    expect(() => openPolicy(envelope, { ...trust, environment: 'production' })).toThrow(/is for development/)
    const changed = {
      ...envelope,
      payload: Buffer.from(JSON.stringify({ ...document, version: 9 })).toString('base64'),
    }
    expect(() => openPolicy(changed, trust)).toThrow(/signatures hold/)
  })

  it('never goes back, and never changes under one version', () => {
    const held = openPolicy(signPolicy(document, [key]), trust)
    const older = signPolicy({ ...document, version: 2 }, [key])
    const other = signPolicy({ ...document, name: 'another' }, [key])
    const newer = signPolicy({ ...document, version: 4 }, [key])
    expect(() => openPolicy(older, { ...trust, held })).toThrow(/older/)
    expect(() => openPolicy(other, { ...trust, held })).toThrow(/another document/)
    expect(openPolicy(signPolicy(document, [key]), { ...trust, held }).digest).toBe(held.digest)
    expect(openPolicy(newer, { ...trust, held }).document.version).toBe(4)
  })

  it('refuses unknown keys and values that mean nothing', () => {
    for (const bad of [
      { ...document, admin: true },
      { ...document, rules: [{ ...rule({}), effect: 'maybe' }] },
      { ...document, rules: [{ ...rule({}), minConfidence: 7 }] },
      { ...document, version: 0 },
    ])
      expect(() => signPolicy(bad as PolicyDocument, [key])).toThrow()
    expect(PolicySchema.type).toBe('strict_object')
  })
})

describe('a policy over models', () => {
  const traits = { class: 'ctc', licence: 'MIT', residency: 'device', source: 'imported' } as const
  const asks = technicianAsks('model.transcribe', {}, { confidence: null, dataClass: 'personal' })
  const judge = (models: PolicyRule['models'], effect: 'permit' | 'deny') => {
    const selecting = rule({ id: 'selecting', effect, models })
    const rules = effect === 'deny' ? [rule({ id: 'all' }), selecting] : [selecting]
    return evaluatePolicy({ ...document, rules }, asks, { ...device, traits }, NOW)
  }

  it.each([
    ['class', { classes: ['ctc', 'transducer'] }, { classes: ['acoustic'] }, 'a model of the class ctc'],
    ['licence', { licences: ['MIT'] }, { licences: ['Apache-2.0'] }, 'a model under the licence MIT'],
    [
      'residency',
      { residencies: ['device'] },
      { residencies: ['centre'] },
      'a model that lies in the device',
    ],
    ['source', { sources: ['imported'] }, { sources: ['released'] }, 'a model that was imported'],
  ] satisfies readonly [string, PolicyRule['models'], PolicyRule['models'], string][])(
    'selects by %s, to permit and to deny',
    (_what, fitting, other, why) => {
      expect(judge(fitting, 'permit').verdict).toBe('permit')
      expect(judge(other, 'permit')).toMatchObject({ verdict: 'deny', rule: 'selecting' })
      expect(judge(other, 'permit').reason).toContain(why)
      expect(judge(fitting, 'deny')).toMatchObject({ verdict: 'deny', rule: 'selecting' })
      expect(judge(other, 'deny').verdict).toBe('permit')
    },
  )

  it('needs every list that it names to fit', () => {
    expect(judge({ classes: ['ctc'], licences: ['GPL-3.0-only'] }, 'permit').verdict).toBe('deny')
    expect(judge({ classes: ['ctc'], licences: ['GPL-3.0-only'] }, 'deny').verdict).toBe('permit')
  })

  it('permits no model that nothing is known of', () => {
    const { verdict, reason } = evaluatePolicy(
      { ...document, rules: [rule({ models: { classes: ['ctc'] } })] },
      asks,
      device,
      NOW,
    )
    expect(verdict).toBe('deny')
    expect(reason).toContain('what is no model')
  })
})
