/** The policy that a new centre signs at first: what a field technician, a device and the centre's own processes may do. */
import type { Environment } from '../kernel/contract.ts'
import type { PolicyDocument } from './policy.ts'

const VALID_DAYS = 180

const RULES: PolicyDocument['rules'] = [
  {
    id: 'models-stay-on-the-device',
    effect: 'permit',
    actions: ['model.transcribe', 'model.understand'],
    roles: ['technician', 'device'],
    maxDataClass: 'personal',
    regions: ['device'],
    whenExpired: true,
  },
  {
    id: 'technician-reads',
    effect: 'permit',
    actions: [
      'work_order.list',
      'asset.look_up',
      'step.*',
      'memory.read',
      'memory.write',
      'cancel',
      'context.search',
      'context.query',
      'context.pack',
    ],
    roles: ['technician'],
    maxDataClass: 'personal',
    regions: ['device'],
    whenExpired: true,
  },
  {
    // What is heard, remembered, embedded or recorded has no fallback: a permit that is added later does not open one.
    id: 'no-fallback-off-the-device',
    effect: 'deny',
    actions: ['model.*', 'memory.*', 'speech.*', 'context.search', 'context.pack', 'context.index'],
    roles: ['*'],
    regions: ['centre'],
    whenExpired: true,
  },
  {
    id: 'voice-stays-on-the-device',
    effect: 'permit',
    actions: ['speech.consent', 'speech.keep', 'speech.forget'],
    roles: ['technician'],
    maxDataClass: 'personal',
    regions: ['device'],
    whenExpired: true,
  },
  {
    id: 'technician-asks-a-person',
    effect: 'permit',
    actions: ['inbox.raise', 'human.ask'],
    roles: ['technician'],
    maxDataClass: 'personal',
    whenExpired: true,
  },
  {
    id: 'technician-acts',
    effect: 'permit',
    actions: ['work_order.open', 'work_order.close', 'reading.log', 'note.record', 'part.order', 'undo'],
    roles: ['technician'],
    maxDataClass: 'personal',
    minConfidence: 0.6,
    whenExpired: false,
  },
  {
    id: 'technician-settles-changes',
    effect: 'permit',
    actions: ['context.settle', 'context.retry', 'context.discard', 'context.undo'],
    roles: ['technician'],
    maxDataClass: 'personal',
    whenExpired: false,
  },
  {
    id: 'device-keeps-itself',
    effect: 'permit',
    actions: ['context.apply', 'context.index', 'bundle.*', 'policy.take', 'database.*'],
    roles: ['device'],
    whenExpired: true,
  },
  {
    id: 'centre-runs',
    effect: 'permit',
    actions: [
      'release.*',
      'device.*',
      'policy.*',
      'context.*',
      'bundle.*',
      'desired.*',
      'token.*',
      'alias.*',
      'approver.*',
      'access.*',
      'rollout.*',
    ],
    roles: ['centre', 'operator'],
    whenExpired: true,
  },
  {
    id: 'viewers-only-look',
    effect: 'deny',
    actions: ['*'],
    roles: ['viewer'],
    whenExpired: true,
  },
  {
    // Whoever works here: a viewer is denied above.
    id: 'anyone-stops-a-rollout',
    effect: 'permit',
    actions: ['rollout.halt', 'rollout.pause'],
    roles: ['*'],
    whenExpired: true,
  },
  {
    id: 'governance-reviews',
    effect: 'permit',
    actions: ['audit.*', 'quarantine.*', 'inbox.answer', 'release.approve', 'rollout.approve'],
    roles: ['centre', 'operator', 'governance'],
    whenExpired: true,
  },
]

/** In production what everybody runs changes only after two others have signed; what bears the tag, after two anywhere. */
const PROMOTIONS: PolicyDocument['promotions'] = [
  {
    id: 'stable-in-development',
    aliases: ['stable'],
    environments: ['development'],
    roles: ['operator', 'centre'],
    approvals: 0,
  },
  {
    id: 'stable-in-production',
    aliases: ['stable'],
    environments: ['production'],
    roles: ['operator', 'centre'],
    approvals: 2,
  },
  {
    id: 'safety-critical',
    aliases: ['*'],
    environments: ['development', 'production'],
    tags: ['safety-critical'],
    roles: ['operator', 'centre'],
    approvals: 2,
  },
  {
    id: 'other-names',
    aliases: ['*'],
    environments: ['development', 'production'],
    roles: ['operator', 'centre'],
    approvals: 0,
  },
]

export function fieldServicePolicy(options: {
  readonly environment: Environment
  readonly version: number
  readonly nowMs: number
}): PolicyDocument {
  return {
    v: 1,
    name: 'field-service',
    version: options.version,
    environment: options.environment,
    validFrom: new Date(options.nowMs).toISOString(),
    expiresAt: new Date(options.nowMs + VALID_DAYS * 86_400_000).toISOString(),
    rules: RULES,
    promotions: PROMOTIONS,
    budget: { effects: 20_000, windowS: 3_600 },
    thresholds: { act: 0.75, ask: 0.4 },
  }
}
