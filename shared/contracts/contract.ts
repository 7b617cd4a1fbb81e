/**
 * Published contracts: what one party may send another, as JSON Schema with a version, one file each in `published/`. A file holds
 * every version that was published; the newest must be what the program does. A change that somebody could trip over takes a new
 * major number, which is raised in the catalogue by hand; any other change takes the next minor number by itself.
 *
 * Which changes break depends on who is updated first (the centre, before its devices):
 *
 * - `in`: it is read by those who are updated first. What was taken before must still be taken.
 * - `out`: it is read by those who are updated last. What is sent must be what could be sent before.
 * - `both`: any change breaks.
 */
import type * as v from 'valibot'
import { canonicalText } from '../canonical.ts'
import type { Json } from '../json.ts'
import { gaps } from './compatibility.ts'
import { jsonSchemaOf } from './json-schema.ts'

export type ContractKind = 'event' | 'table' | 'tool' | 'model'
export type ContractWay = 'in' | 'out' | 'both'

export interface Contract {
  /** Letters, digits, dots, dashes and underscores: it is the file's name too. */
  readonly name: string
  readonly kind: ContractKind
  readonly way: ContractWay
  /** Raised by hand for a change that breaks. */
  readonly major: number
  readonly schema: v.GenericSchema
}

export interface PublishedContract {
  readonly name: string
  readonly kind: ContractKind
  readonly way: ContractWay
  /** From the first to the newest. */
  readonly versions: readonly { readonly version: string; readonly schema: Json }[]
}

export type Standing =
  /** The newest version is what the program does. */
  | { readonly kind: 'same'; readonly version: string }
  /** Nobody can trip over the change; it is to be published as this. */
  | { readonly kind: 'grown'; readonly version: string }
  /** Not published at all, or under a new major number: to be published as this. */
  | { readonly kind: 'new'; readonly version: string }
  | { readonly kind: 'broken'; readonly version: string; readonly differences: readonly string[] }
  /** The catalogue's major number is neither the published one nor the next. */
  | { readonly kind: 'misnumbered'; readonly version: string }

/** How the program's contract stands to what was published of it. */
export function standingOf(contract: Contract, held: PublishedContract | null): Standing {
  const newest = held?.versions.at(-1)
  if (newest === undefined) return { kind: 'new', version: `${contract.major}.0` }
  const { major, minor } = numbersOf(newest.version)
  if (contract.major === major + 1) return { kind: 'new', version: `${contract.major}.0` }
  if (contract.major !== major) return { kind: 'misnumbered', version: newest.version }
  const schema = jsonSchemaOf(contract.schema)
  const differences = breaks(contract.way, newest.schema, schema)
  if (differences.length > 0) return { kind: 'broken', version: newest.version, differences }
  return sameText(schema, newest.schema)
    ? { kind: 'same', version: newest.version }
    : { kind: 'grown', version: `${major}.${minor + 1}` }
}

/** The published contract with the program's added as its newest version. */
export function published(
  contract: Contract,
  before: PublishedContract | null,
  version: string,
): PublishedContract {
  const { name, kind, way } = contract
  return {
    name,
    kind,
    way,
    versions: [...(before?.versions ?? []), { version, schema: jsonSchemaOf(contract.schema) }],
  }
}

/** What somebody who holds to the older schema would trip over. */
export function breaks(way: ContractWay, older: Json, newer: Json): readonly string[] {
  const taken = way === 'out' ? [] : gaps(older, newer)
  const sent = way === 'in' ? [] : gaps(newer, older)
  return [...new Set([...taken, ...sent])]
}

/** Versions of one major number that break with one another, or are out of order: somebody changed what was published. */
export function historyFaults({ name, way, versions }: PublishedContract): readonly string[] {
  return versions.slice(1).flatMap(({ version, schema }, at) => {
    const before = versions[at]
    if (before === undefined) return []
    const [older, newer] = [numbersOf(before.version), numbersOf(version)]
    const isNext =
      newer.major === older.major
        ? newer.minor === older.minor + 1
        : newer.major === older.major + 1 && newer.minor === 0
    if (!isNext) return [`${name}: ${version} does not follow ${before.version}`]
    return newer.major === older.major
      ? breaks(way, before.schema, schema).map((why) => `${name} ${version}: ${why}`)
      : []
  })
}

function numbersOf(version: string): { readonly major: number; readonly minor: number } {
  const [major, minor] = version.split('.').map(Number)
  return { major: major ?? Number.NaN, minor: minor ?? Number.NaN }
}

function sameText(a: Json, b: Json): boolean {
  return canonicalText(a) === canonicalText(b)
}
