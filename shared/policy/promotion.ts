/**
 * Conditions on promotion: which name of a release (an alias) may be moved where, by whom, after how many others agreed. Every
 * rule that applies has to be met, and a move to which none applies is refused: a forgotten environment fails closed.
 */
import * as v from 'valibot'
import { ENVIRONMENTS, type Environment } from '../kernel/contract.ts'

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(100))
const Names = v.pipe(v.array(Name), v.minLength(1), v.maxLength(64))
/** More than this is a vote, not a review. */
const MAX_APPROVALS = 5

export const PromotionRuleSchema = v.strictObject({
  id: Name,
  /** `stable`, or `*` for every alias. */
  aliases: Names,
  environments: v.pipe(v.array(v.picklist(ENVIRONMENTS)), v.minLength(1)),
  /** Only for releases that bear one of these tags; without it, for all. */
  tags: v.optional(Names),
  roles: Names,
  /** Distinct people beside the author, each with a signature over this very release. */
  approvals: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_APPROVALS)),
})
export type PromotionRule = v.InferOutput<typeof PromotionRuleSchema>

export interface Promotion {
  readonly alias: string
  readonly environment: Environment
  readonly tags: readonly string[]
  /** Of whoever asks. */
  readonly roles: readonly string[]
  readonly author: string
  /** People whose signatures hold; the author among them counts for nothing. */
  readonly approvers: readonly string[]
}

export type PromotionVerdict =
  | { readonly kind: 'permitted'; readonly rules: readonly string[]; readonly needed: number }
  | { readonly kind: 'refused'; readonly rule: string; readonly needed: number; readonly reason: string }

/** Pure and total. */
export function judgePromotion(rules: readonly PromotionRule[], promotion: Promotion): PromotionVerdict {
  const applying = rules.filter((rule) => applies(rule, promotion))
  const needed = applying.reduce((most, { approvals }) => Math.max(most, approvals), 0)
  const refused = (rule: string, reason: string): PromotionVerdict => ({
    kind: 'refused',
    rule,
    needed,
    reason,
  })
  if (applying.length === 0)
    return refused('default-deny', `no rule lets "${promotion.alias}" be moved in ${promotion.environment}`)
  const others = new Set(promotion.approvers.filter((person) => person !== promotion.author)).size
  for (const { id, roles, approvals } of applying) {
    if (!roles.some((role) => promotion.roles.includes(role)))
      return refused(id, `the rule ${id} lets only ${roles.join(', ')} move "${promotion.alias}"`)
    if (others < approvals)
      return refused(
        id,
        `the rule ${id} asks for ${approvals} approvals by others than the author ${promotion.author}, and there are ${others}`,
      )
  }
  return { kind: 'permitted', rules: applying.map(({ id }) => id), needed }
}

function applies(rule: PromotionRule, { alias, environment, tags }: Promotion): boolean {
  return (
    rule.aliases.some((name) => name === '*' || name === alias) &&
    rule.environments.includes(environment) &&
    (rule.tags === undefined || rule.tags.some((tag) => tags.includes(tag)))
  )
}
