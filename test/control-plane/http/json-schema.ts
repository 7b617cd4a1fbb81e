/** Holds a value against JSON Schema 2020-12, as far as the API's document uses it; a keyword that is not known here is a fault. */
import type { JsonObject } from '../../../shared/json.ts'

const NOTED = new Set(['description', 'title', 'default', 'format', '$schema'])

/** The first place where `value` breaks `schema`, in words; null when it keeps it. */
export function schemaFault(schema: JsonObject, value: unknown, at = '$'): string | null {
  for (const [keyword, rule] of Object.entries(schema)) {
    if (NOTED.has(keyword)) continue
    const check = CHECKS[keyword]
    if (check === undefined) return `${at}: the schema uses ${keyword}, which this test does not know`
    const fault = check(rule as never, value, { at, schema })
    if (fault !== null) return fault
  }
  return null
}

type Check = (
  rule: never,
  value: unknown,
  place: { readonly at: string; readonly schema: JsonObject },
) => string | null

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
}

const CHECKS: Readonly<Record<string, Check>> = {
  type: (rule: string | readonly string[], value, { at }) =>
    [rule].flat().some((type) => TYPES[type]?.(value) === true)
      ? null
      : `${at} is no ${[rule].flat().join(' or ')}`,
  enum: (rule: readonly unknown[], value, { at }) =>
    rule.includes(value) ? null : `${at} is none of ${rule.join(', ')}`,
  const: (rule: unknown, value, { at }) => (rule === value ? null : `${at} is not ${String(rule)}`),
  pattern: (rule: string, value, { at }) =>
    typeof value !== 'string' || new RegExp(rule, 'u').test(value) ? null : `${at} does not match ${rule}`,
  minLength: (rule: number, value, { at }) =>
    typeof value !== 'string' || value.length >= rule ? null : `${at} is too short`,
  maxLength: (rule: number, value, { at }) =>
    typeof value !== 'string' || value.length <= rule ? null : `${at} is too long`,
  minimum: (rule: number, value, { at }) =>
    typeof value !== 'number' || value >= rule ? null : `${at} is under ${rule}`,
  maximum: (rule: number, value, { at }) =>
    typeof value !== 'number' || value <= rule ? null : `${at} is over ${rule}`,
  minItems: (rule: number, value, { at }) =>
    !Array.isArray(value) || value.length >= rule ? null : `${at} has too few`,
  maxItems: (rule: number, value, { at }) =>
    !Array.isArray(value) || value.length <= rule ? null : `${at} has too many`,
  items: (rule: JsonObject, value, { at }) =>
    Array.isArray(value) ? first(value.map((one, index) => schemaFault(rule, one, `${at}[${index}]`))) : null,
  required: (rule: readonly string[], value, { at }) =>
    isObject(value) ? first(rule.map((name) => (name in value ? null : `${at}.${name} is missing`))) : null,
  properties: (rule: Record<string, JsonObject>, value, { at }) =>
    isObject(value)
      ? first(
          Object.entries(rule).map(([name, one]) =>
            name in value ? schemaFault(one, value[name], `${at}.${name}`) : null,
          ),
        )
      : null,
  additionalProperties: (rule: boolean | JsonObject, value, { at, schema }) => {
    if (!isObject(value) || rule === true) return null
    const known = new Set(Object.keys((schema['properties'] as object | undefined) ?? {}))
    const others = Object.entries(value).filter(([name]) => !known.has(name))
    if (rule === false) return first(others.map(([name]) => `${at}.${name} is not declared`))
    return first(others.map(([name, one]) => schemaFault(rule, one, `${at}.${name}`)))
  },
  propertyNames: (rule: JsonObject, value, { at }) =>
    isObject(value)
      ? first(Object.keys(value).map((name) => schemaFault(rule, name, `${at}.${name}`)))
      : null,
  oneOf: (rule: readonly JsonObject[], value, { at }) => {
    const faults = rule.map((one) => schemaFault(one, value, at))
    return faults.filter((fault) => fault === null).length === 1 ? null : faults.join('; or ')
  },
  anyOf: (rule: readonly JsonObject[], value, { at }) => {
    const faults = rule.map((one) => schemaFault(one, value, at))
    return faults.includes(null) ? null : faults.join('; or ')
  },
}

function first(faults: readonly (string | null)[]): string | null {
  return faults.find((fault) => fault !== null) ?? null
}
