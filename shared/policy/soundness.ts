/**
 * What a policy document must be beyond its schema before anybody follows it: in force at all, with thresholds in order, and
 * such that the centre can still be run and the next policy published by it, also after its own expiry.
 */
import type { Principal } from '../kernel/contract.ts'
import { evaluatePolicy, type PolicyDocument } from './policy.ts'

export interface PolicyFault {
  /** A path with dots, as `thresholds.act`. */
  readonly field: string
  readonly message: string
  readonly remedy: string
}

/** Without these nobody could ever change the policy again, or hear which one a device follows. */
const MUST_STAY: readonly (readonly [action: string, resource: string, principal: Principal])[] = [
  ['policy.publish', 'policy', { kind: 'person', id: 'operator', roles: ['operator'] }],
  ['device.report', 'device', { kind: 'process', id: 'control-plane', roles: ['centre'] }],
]

/** Every fault, the first one first; none for a policy that may be put in force. Pure. */
export function policyFaults(document: PolicyDocument, nowMs: number): readonly PolicyFault[] {
  const { validFrom, expiresAt, thresholds } = document
  const endMs = Date.parse(expiresAt)
  if (endMs <= nowMs)
    return [{ field: 'expiresAt', message: 'it is past already', remedy: 'Name a time to come.' }]
  if (endMs <= Date.parse(validFrom))
    return [{ field: 'expiresAt', message: 'it is before validFrom', remedy: 'Name a time after it.' }]
  const faults: PolicyFault[] = []
  const isShare = (value: number): boolean => value >= 0 && value <= 1
  for (const name of ['act', 'ask'] as const)
    if (!isShare(thresholds[name]))
      faults.push({
        field: `thresholds.${name}`,
        message: `${thresholds[name]} is no confidence`,
        remedy: 'Give a number from 0 to 1.',
      })
  if (thresholds.ask > thresholds.act)
    faults.push({
      field: 'thresholds.ask',
      message: `it is above thresholds.act, ${thresholds.act}: nothing would be asked back`,
      remedy: 'Let ask be at most act.',
    })
  return [...faults, ...lockouts(document, nowMs)]
}

function lockouts(document: PolicyDocument, nowMs: number): readonly PolicyFault[] {
  return MUST_STAY.flatMap(([action, type, principal]) => {
    for (const atMs of [nowMs, Date.parse(document.expiresAt)]) {
      const { verdict, reason } = evaluatePolicy(
        document,
        {
          principal,
          action,
          resource: { type, id: '*' },
          dataClass: 'internal',
          input: {},
          confidence: null,
          turn: null,
          cost: 1,
        },
        { region: 'centre' },
        atMs,
      )
      if (verdict === 'permit') continue
      const when = atMs === nowMs ? '' : ' once it has expired'
      const [role] = principal.roles
      return [
        {
          field: 'rules',
          message: `under it nobody could go back: the role ${role} may not ${action}${when} (${reason})`,
          remedy: `Permit ${action} to ${role} with whenExpired: true, and deny it by no rule.`,
        },
      ]
    }
    return []
  })
}
