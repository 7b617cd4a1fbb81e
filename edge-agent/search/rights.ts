/**
 * What a caller may read, and of which time. A search ranks, counts and weighs what is left after this filter and nothing else: what a
 * caller may not see leaves no trace in what it gets.
 */
import { classRank } from '../../shared/context/data-class.ts'
import {
  DATA_CLASSES,
  type DataClass,
  type EffectRequest,
  type Principal,
  type Route,
} from '../../shared/kernel/contract.ts'
import { evaluatePolicy, type PolicyDocument } from '../../shared/policy/policy.ts'
import type { SqlValue } from '../../shared/sql/port.ts'

/** Taken from an admitted request: the kernel has decided that this action may carry this class. */
export interface Rights {
  readonly clearance: DataClass
  readonly roles: readonly string[]
}

export const rightsOf = ({ dataClass, principal }: EffectRequest): Rights => ({
  clearance: dataClass,
  roles: principal.roles,
})

/** The most sensitive class that the policy lets `action` carry for `principal`; `public` where it permits none, to be denied as such. */
export function clearanceFor(
  policy: PolicyDocument,
  wish: {
    readonly principal: Principal
    readonly action: string
    readonly resource: EffectRequest['resource']
  },
  by: { readonly route: Pick<Route, 'region' | 'traits'>; readonly nowMs: number },
): DataClass {
  const permitted = DATA_CLASSES.filter((dataClass) => {
    const request: EffectRequest = { ...wish, dataClass, input: null, confidence: null, turn: null, cost: 1 }
    return evaluatePolicy(policy, request, by.route, by.nowMs).verdict === 'permit'
  })
  return permitted.at(-1) ?? 'public'
}

/** Of which time: what held at `valid`, as it was recorded at `known`; ISO 8601. Null: what holds, as it is known now. */
export type AsOf = { readonly valid: string; readonly known: string } | null

/** As far as the device's clock may be behind whoever wrote a row. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/**
 * The filter over a table with rights and times (alias `c`), for parameters that begin after `before` others. Times are subqueries, so
 * that they are read once and not for every row.
 */
export function visibleSql(before: number): string {
  const [rank, roles, from, to, known, untimed] = [1, 2, 3, 4, 5, 6].map((at) => `$${before + at}`)
  const time = (param: string | undefined): string => `(select ${param ?? ''}::text::timestamptz)`
  return `c.class_rank <= ${rank}::int and (c.readers = '{}' or c.readers && ${roles}::text[])
    and (c.valid_from is null or c.valid_from <= ${time(from)})
    and (c.valid_to is null or c.valid_to > ${time(to)})
    and (c.recorded_at is null or c.recorded_at <= ${time(known)})
    and (c.retracted_at is null or c.retracted_at > ${time(known)})
    and (${untimed}::boolean or c.valid_from is not null)`
}

export const VISIBLE_PARAMS = 6

/** What stands for the parameters of {@link visibleSql}. A row that says no time is left out of questions about another time. */
export function visibleParams(rights: Rights, asOf: AsOf, nowMs: number): readonly SqlValue[] {
  const now = new Date(nowMs).toISOString()
  return [
    classRank(rights.clearance),
    [...rights.roles],
    asOf?.valid ?? new Date(nowMs + CLOCK_TOLERANCE_MS).toISOString(),
    asOf?.valid ?? now,
    asOf?.known ?? 'infinity',
    asOf === null,
  ]
}
