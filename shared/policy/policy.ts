/**
 * The policy document and its evaluation. Default deny; a deny wins over every permit; a model's judgement must be as
 * sure as the rule demands; past the document's expiry only the rules that say so still permit.
 */
import * as v from 'valibot'
import {
  DATA_CLASSES,
  ENVIRONMENTS,
  type EffectRequest,
  type ModelTraits,
  type Route,
} from '../kernel/contract.ts'
import { PromotionRuleSchema } from './promotion.ts'

export const POLICY_PAYLOAD_TYPE = 'application/vnd.starling.policy.v1+json'

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Names = v.pipe(v.array(Name), v.minLength(1), v.maxLength(64))
const Time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  // A day that no month has passes the pattern; compared with a time that is none, no policy would ever expire.
  v.check((text) => Number.isFinite(Date.parse(text)), 'is no time'),
)

const RuleFields = v.strictObject({
  id: Name,
  effect: v.picklist(['permit', 'deny']),
  /** `work_order.close`, `work_order.*`, or `*`. */
  actions: Names,
  /** Any of these; `*` for all. */
  roles: Names,
  resources: v.optional(Names),
  maxDataClass: v.optional(v.picklist(DATA_CLASSES)),
  /** Least confidence of the judgement that led here; asked outright (null) passes. */
  minConfidence: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  regions: v.optional(v.array(v.picklist(['device', 'centre']))),
  /** What the model that performs must be (permit), or must not be (deny): every list that is there names it. */
  models: v.optional(
    v.strictObject({
      classes: v.optional(Names),
      licences: v.optional(Names),
      residencies: v.optional(v.pipe(v.array(v.picklist(['device', 'centre'])), v.minLength(1))),
      sources: v.optional(v.pipe(v.array(v.picklist(['released', 'imported', 'declared'])), v.minLength(1))),
    }),
  ),
  /** True for a rule that permits past the document's expiry too. */
  whenExpired: v.optional(v.boolean(), false),
})
/** A deny is not limited by what it does not look at: one that names such a condition would deny more than it says. */
const RuleSchema = v.pipe(
  RuleFields,
  v.check(
    ({ effect, minConfidence, maxDataClass }) =>
      effect === 'permit' || (minConfidence === undefined && maxDataClass === undefined),
    'a deny looks at action, role, resource, region and model only',
  ),
)

export const PolicySchema = v.strictObject({
  v: v.literal(1),
  name: Name,
  version: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
  environment: v.picklist(ENVIRONMENTS),
  validFrom: Time,
  expiresAt: Time,
  rules: v.pipe(
    v.array(RuleSchema),
    v.maxLength(500),
    v.check((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, 'two rules have one id'),
  ),
  /** What it takes to move a name of a release. */
  promotions: v.optional(v.pipe(v.array(PromotionRuleSchema), v.maxLength(100)), []),
  /** Effects a principal may cause in a window: the brake on a loop that runs away. */
  budget: v.strictObject({
    effects: v.pipe(v.number(), v.integer(), v.minValue(1)),
    windowS: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(86_400)),
  }),
  /** Under `ask` a person decides; from `act` on the device acts; between them it asks back. */
  thresholds: v.strictObject({ act: v.number(), ask: v.number() }),
})
export type PolicyDocument = v.InferOutput<typeof PolicySchema>
export type PolicyRule = v.InferOutput<typeof RuleSchema>

export interface Verdict {
  readonly verdict: 'permit' | 'deny'
  /** The id of the rule that decided, or `default-deny`. */
  readonly rule: string
  readonly reason: string
}

/** How far the device's clock may lie before the document's beginning: a policy made a moment ago on another machine. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/** Pure and total: every request gets a verdict. */
export function evaluatePolicy(
  policy: PolicyDocument,
  request: EffectRequest,
  route: Pick<Route, 'region' | 'traits'>,
  nowMs: number,
): Verdict {
  if (nowMs < Date.parse(policy.validFrom) - CLOCK_TOLERANCE_MS)
    return deny(
      'clock-before-policy',
      `this machine's clock is before the policy's beginning, ${policy.validFrom}`,
    )
  const matching = policy.rules.filter((rule) => applies(rule, request))
  const denying = matching.find(
    (rule) =>
      rule.effect === 'deny' &&
      (rule.regions?.includes(route.region) ?? true) &&
      (rule.models === undefined || otherThan(rule.models, route.traits) === null),
  )
  if (denying !== undefined)
    return deny(denying.id, `the policy denies ${request.action} by the rule ${denying.id}`)
  const isExpired = isPast(policy, nowMs)
  const permits = matching.filter((rule) => rule.effect === 'permit' && (!isExpired || rule.whenExpired))
  const hindrances: Verdict[] = []
  for (const rule of permits) {
    const hindrance = hindranceOf(rule, request, route)
    if (hindrance === null) return { verdict: 'permit', rule: rule.id, reason: 'permitted' }
    hindrances.push(deny(rule.id, hindrance))
  }
  const [first] = hindrances
  if (first !== undefined) return first
  if (isExpired && matching.some((rule) => rule.effect === 'permit'))
    return deny(
      'expired',
      `the policy expired at ${policy.expiresAt}, and its strict rules do not permit ${request.action}`,
    )
  return deny(
    'default-deny',
    `no rule permits ${request.action} to ${request.principal.roles.join(', ') || 'nobody'}`,
  )
}

export function isPast(policy: PolicyDocument, nowMs: number): boolean {
  return nowMs >= Date.parse(policy.expiresAt)
}

function applies(rule: PolicyRule, request: EffectRequest): boolean {
  return (
    rule.actions.some((pattern) => fits(pattern, request.action)) &&
    rule.roles.some((role) => role === '*' || request.principal.roles.includes(role)) &&
    (rule.resources === undefined || rule.resources.includes(request.resource.type))
  )
}

function fits(pattern: string, action: string): boolean {
  if (pattern === '*' || pattern === action) return true
  return pattern.endsWith('.*') && action.startsWith(pattern.slice(0, -1))
}

function hindranceOf(
  rule: PolicyRule,
  request: EffectRequest,
  route: Pick<Route, 'region' | 'traits'>,
): string | null {
  if (rule.regions !== undefined && !rule.regions.includes(route.region))
    return `${request.action} may not be performed in the ${route.region}`
  const other = rule.models === undefined ? null : otherThan(rule.models, route.traits)
  if (other !== null) return `${request.action} may not be performed by ${other}`
  if (rule.maxDataClass !== undefined && rank(request.dataClass) > rank(rule.maxDataClass))
    return `${request.action} may carry ${rule.maxDataClass} data at most, not ${request.dataClass}`
  // Written so that a confidence that is not a number denies.
  if (
    rule.minConfidence !== undefined &&
    request.confidence !== null &&
    !(request.confidence >= rule.minConfidence)
  )
    return `the confidence ${request.confidence.toFixed(2)} is under the ${rule.minConfidence} that ${request.action} needs`
  return null
}

/** What keeps a model from being one that a rule names; null when it is one. Nothing is known of no model: it is none of them. */
function otherThan(
  { classes, licences, residencies, sources }: NonNullable<PolicyRule['models']>,
  traits: ModelTraits | undefined,
): string | null {
  if (traits === undefined) return 'what is no model'
  if (classes?.includes(traits.class) === false) return `a model of the class ${traits.class}`
  if (licences?.includes(traits.licence) === false) return `a model under the licence ${traits.licence}`
  if (residencies?.includes(traits.residency) === false) return `a model that lies in the ${traits.residency}`
  if (sources?.includes(traits.source) === false) return `a model that was ${traits.source}`
  return null
}

function rank(dataClass: (typeof DATA_CLASSES)[number]): number {
  return DATA_CLASSES.indexOf(dataClass)
}

function deny(rule: string, reason: string): Verdict {
  return { verdict: 'deny', rule, reason }
}
