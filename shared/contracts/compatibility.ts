/**
 * Whether every value that one JSON Schema lets through is let through by another. It answers for the forms that {@link jsonSchemaOf}
 * makes, and errs to one side: what it cannot show to be so, it calls different. So a contract may have to be raised without need,
 * and is never left as it was where it breaks.
 */
import { canonicalText } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { CHECKS } from './json-schema.ts'

/** Words that constrain nothing. */
const NOTES: ReadonlySet<string> = new Set(['title', 'description', 'default', 'examples', '$comment'])
const READ: ReadonlySet<string> = new Set([
  'type',
  'const',
  'enum',
  'anyOf',
  'oneOf',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'items',
  'prefixItems',
  'properties',
  'required',
  'additionalProperties',
  'propertyNames',
  CHECKS,
])
/** Lower bounds may only sink, upper ones only rise. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const

/** Where `wide` may refuse a value of `narrow`, each as `path: why`; empty where it never does. */
export function gaps(narrow: Json | undefined, wide: Json | undefined, path = '$'): readonly string[] {
  const [a, b] = [ruleOf(narrow), ruleOf(wide)]
  if (b === null || (a !== null && canonicalText(a) === canonicalText(b))) return []
  if (a === null) return [`${path}: anything was let through, and is not any more`]
  const branches = listOf(a['anyOf'] ?? a['oneOf'])
  if (branches !== null) return branches.flatMap((branch) => gaps(branch, b, path))
  const values = valuesOf(a)
  if (values !== null && values.length > 1) return values.flatMap((value) => gaps({ const: value }, b, path))
  const ways = listOf(b['anyOf'] ?? b['oneOf'])
  if (ways !== null) return oneOf(a, ways, path)
  const value = values?.[0]
  return value === undefined ? within(a, b, path) : admitted(value, b, path)
}

function oneOf(a: JsonObject, ways: readonly Json[], path: string): readonly string[] {
  const found = ways.map((way) => gaps(a, way, path))
  if (found.some((missing) => missing.length === 0)) return []
  // The nearest way says best what is wrong.
  const [nearest = []] = found.sort((x, y) => x.length - y.length)
  return nearest
}

/** One value, against a rule without branches. */
function admitted(value: Json, b: JsonObject, path: string): readonly string[] {
  const allowed = valuesOf(b)
  const shown = JSON.stringify(value)
  if (allowed !== null)
    return allowed.some((one) => canonicalText(one) === canonicalText(value))
      ? []
      : [`${path}: ${shown} is no value of it any more`]
  const { type, ...others } = b
  const isTyped = type === undefined || typesOf(b).some((one) => one === typeOf(value) || isWhole(one, value))
  const length = typeof value === 'string' ? value.length : 0
  const rest = Object.entries(others).filter(
    ([word, limit]) =>
      !NOTES.has(word) &&
      !(word === 'maxLength' && typeof limit === 'number' && length <= limit) &&
      !(word === 'minLength' && typeof limit === 'number' && length >= limit),
  )
  return isTyped && rest.length === 0
    ? []
    : [`${path}: it cannot be shown that ${shown} is still let through`]
}

/** Two rules without branches. */
function within(a: JsonObject, b: JsonObject, path: string): readonly string[] {
  const missing: string[] = []
  if (valuesOf(b) !== null) return [`${path}: only certain values are let through`]
  if (b['type'] !== undefined) {
    const kinds = typesOf(b)
    const lost = typesOf(a).filter(
      (kind) => !kinds.includes(kind) && !(kind === 'integer' && kinds.includes('number')),
    )
    if (a['type'] === undefined || lost.length > 0)
      return [
        `${path}: ${a['type'] === undefined ? 'any kind of value' : JSON.stringify(lost)} is not let through any more`,
      ]
  }
  for (const word of LOWER)
    if (isTighter(b[word], a[word], (limit, before) => before < limit))
      missing.push(`${path}: ${word} has risen`)
  for (const word of UPPER)
    if (isTighter(b[word], a[word], (limit, before) => before > limit))
      missing.push(`${path}: ${word} has sunk`)
  for (const check of listOf(b[CHECKS]) ?? [])
    if (!(listOf(a[CHECKS]) ?? []).includes(check))
      missing.push(`${path}: it is checked more: ${JSON.stringify(check)}`)
  for (const [word, rule] of Object.entries(b))
    if (!READ.has(word) && !NOTES.has(word) && canonicalText(rule) !== canonicalText(a[word] ?? null))
      missing.push(`${path}: ${word} is another`)
  return [...missing, ...items(a, b, path), ...properties(a, b, path)]
}

function items(a: JsonObject, b: JsonObject, path: string): readonly string[] {
  const [before, after] = [listOf(a['prefixItems']), listOf(b['prefixItems'])]
  if (before !== null || after !== null) {
    if (before?.length !== after?.length) return [`${path}: it has another number of places`]
    return (before ?? []).flatMap((item, at) => gaps(item, after?.[at], `${path}[${at}]`))
  }
  return b['items'] === undefined ? [] : gaps(a['items'], b['items'], `${path}[]`)
}

function properties(a: JsonObject, b: JsonObject, path: string): readonly string[] {
  const missing: string[] = []
  const needed = (listOf(a['required']) ?? []) as readonly string[]
  for (const name of (listOf(b['required']) ?? []) as readonly string[])
    if (!needed.includes(name)) missing.push(`${path}.${name}: it must be there now`)
  const [known, now] = [ruleOf(a['properties']) ?? {}, ruleOf(b['properties']) ?? {}]
  const others = b['additionalProperties']
  for (const [name, rule] of Object.entries(known)) {
    if (Object.hasOwn(now, name)) missing.push(...gaps(rule, now[name], `${path}.${name}`))
    else if (others === false) missing.push(`${path}.${name}: it may not be there any more`)
    else missing.push(...gaps(rule, others, `${path}.${name}`))
  }
  const unnamed = a['additionalProperties']
  if (unnamed === false || !isObject(a)) return missing
  if (others === false) missing.push(`${path}: names beyond its own are not let through any more`)
  // An object that says nothing of other names ignores them: nobody sends them for a meaning that they do not have yet.
  else if (unnamed !== undefined) {
    for (const [name, rule] of Object.entries(now))
      if (!Object.hasOwn(known, name)) missing.push(...gaps(unnamed, rule, `${path}.${name}`))
    missing.push(...gaps(unnamed, others, `${path}.*`))
  }
  return b['propertyNames'] === undefined
    ? missing
    : [...missing, ...gaps(a['propertyNames'], b['propertyNames'], `${path} (names)`)]
}

function isTighter(
  now: Json | undefined,
  before: Json | undefined,
  loses: (limit: number, before: number) => boolean,
): boolean {
  if (typeof now !== 'number') return false
  return typeof before !== 'number' || loses(now, before)
}

/** Null for a rule that lets everything through. */
function ruleOf(rule: Json | undefined): JsonObject | null {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return null
  return Object.keys(rule).some((word) => !NOTES.has(word)) ? (rule as JsonObject) : null
}

function valuesOf(rule: JsonObject): readonly Json[] | null {
  return rule['const'] === undefined ? listOf(rule['enum']) : [rule['const']]
}

function typesOf(rule: JsonObject): readonly Json[] {
  const type = rule['type']
  return listOf(type) ?? (type === undefined ? [] : [type])
}

function typeOf(value: Json): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function isWhole(type: Json, value: Json): boolean {
  return type === 'integer' && Number.isInteger(value)
}

function isObject(rule: JsonObject): boolean {
  return typesOf(rule).includes('object')
}

function listOf(value: Json | undefined): readonly Json[] | null {
  return Array.isArray(value) ? (value as readonly Json[]) : null
}
