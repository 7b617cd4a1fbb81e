import { describe, expect, it } from 'vitest'
import { evaluatePolicy } from '../../../shared/policy/policy.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { DATA_CLASSES, type DataClass, type Route } from '../../../shared/kernel/contract.ts'

const policy = fieldServicePolicy({ environment: 'production', version: 1, nowMs: 0 })
const here: Pick<Route, 'region'> = { region: 'device' }
const elsewhere: Pick<Route, 'region'> = { region: 'centre' }
const ROLES = [
  ['technician'],
  ['technician', 'supervisor'],
  ['device'],
  ['operator'],
  ['centre'],
  ['governance'],
  [],
]

function permits(
  action: string,
  dataClass: DataClass,
  roles: readonly string[],
  route: Pick<Route, 'region'>,
): boolean {
  const request = {
    principal: { kind: 'person' as const, id: 'x', roles },
    action,
    resource: { type: 'any', id: 'any' },
    dataClass,
    input: null,
    confidence: null,
    turn: null,
    cost: 1,
  }
  return evaluatePolicy(policy, request, route, 1_000).verdict === 'permit'
}

/** What is sensitive though nobody wrote it down as a secret, the effects that make or read it, and the class that it carries. */
const SENSITIVE = [
  { what: 'embeddings', actions: ['context.index', 'context.search', 'context.pack'], dataClass: 'personal' },
  {
    what: 'what models were given and gave',
    actions: ['model.transcribe', 'model.understand'],
    dataClass: 'personal',
  },
  { what: 'what is remembered', actions: ['memory.read', 'memory.write'], dataClass: 'personal' },
  {
    what: 'training recordings',
    actions: ['speech.keep', 'speech.forget', 'speech.consent'],
    dataClass: 'personal',
  },
] as const

describe.each(SENSITIVE)('$what', ({ actions, dataClass }) => {
  it('are the device’s own: no role has them made or read anywhere else, whatever their class', () => {
    for (const action of actions) {
      expect(
        ROLES.some((roles) => permits(action, dataClass, roles, here)),
        action,
      ).toBe(true)
      for (const roles of ROLES)
        for (const one of DATA_CLASSES)
          expect(permits(action, one, roles, elsewhere), `${action} ${roles.join()}`).toBe(false)
    }
  })

  it('are exported by nobody on a device, in no class', () => {
    const nouns = new Set(actions.map((action) => action.split('.')[0]))
    for (const noun of nouns)
      for (const verb of ['export', 'send', 'upload', 'fallback'])
        for (const roles of [['technician'], ['technician', 'supervisor'], ['device']])
          for (const one of DATA_CLASSES)
            expect(permits(`${noun}.${verb}`, one, roles, here), `${noun}.${verb} ${roles.join()}`).toBe(
              false,
            )
  })

  it.each(DATA_CLASSES)('of the class %s are held to what a technician may carry', (one) => {
    const isMore = DATA_CLASSES.indexOf(one) > DATA_CLASSES.indexOf('personal')
    for (const action of actions)
      if (isMore) expect(permits(action, one, ['technician'], here), action).toBe(false)
  })
})

it('a rule that somebody adds later opens no way around: the deny wins', () => {
  const opened = {
    ...policy,
    rules: [
      ...policy.rules,
      { id: 'open', effect: 'permit' as const, actions: ['*'], roles: ['*'], whenExpired: true },
    ],
  }
  const request = {
    principal: { kind: 'person' as const, id: 'x', roles: ['technician'] },
    action: 'model.transcribe',
    resource: { type: 'model', id: 'other' },
    dataClass: 'personal' as const,
    input: null,
    confidence: null,
    turn: null,
    cost: 1,
  }
  expect(evaluatePolicy(opened, request, elsewhere, 1_000)).toMatchObject({
    verdict: 'deny',
    rule: 'no-fallback-off-the-device',
  })
})
