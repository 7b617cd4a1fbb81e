/** Delegations of a targets role: by path, by hash of the path, or to succinct hash bins (TAP 15); first listed, first asked. */
import { sha256Hex } from '../../shared/digest.ts'
import type { Json } from '../../shared/json.ts'
import { Fields } from './fields.ts'
import { readKeys, readSigners, type Signers, type TufKey } from './keys.ts'
import { matchesPath } from './path-pattern.ts'
import { TufRefused } from './refused.ts'

export const TOP_LEVEL_ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const
export type TopLevelRole = (typeof TOP_LEVEL_ROLES)[number]

/** One way from a delegator to a role, with the keys that this delegator trusts for it. */
export interface Delegation {
  readonly role: string
  /** True: where this role does not list a path, nobody after it is asked. */
  readonly terminating: boolean
  readonly signers: Signers
}

export interface Delegations {
  /** The delegations that cover a path, in order. */
  covering(path: string): readonly Delegation[]
  /** The delegation to a role, if there is one. */
  to(role: string): Delegation | undefined
}

export const NO_DELEGATIONS: Delegations = { covering: () => [], to: () => undefined }

/** A bin count of 2^32 is TAP 15's own limit. */
const MAX_BIT_LENGTH = 32

/** Reads a `delegations` object; `role` is the delegator. Throws {@link TufRefused}. */
export function readDelegations(fields: Fields, role: string): Delegations {
  const keys = readKeys(fields.fields('keys'), role)
  if (fields.has('roles') === fields.has('succinct_roles'))
    throw fields.bad('roles', 'to be given, or succinct_roles, and never both')
  if (fields.has('succinct_roles')) return readSuccinct(fields.fields('succinct_roles'), keys)
  const listed = fields.list('roles').map((value) => readRole(value, role, keys))
  const names = new Set(listed.map(({ delegation }) => delegation.role))
  if (names.size !== listed.length) throw fields.bad('roles', 'a list that names one role twice')
  return {
    covering: (path) => listed.filter(({ covers }) => covers(path)).map(({ delegation }) => delegation),
    to: (name) => listed.find(({ delegation }) => delegation.role === name)?.delegation,
  }
}

interface Listed {
  readonly delegation: Delegation
  readonly covers: (path: string) => boolean
}

function readRole(value: Json, delegator: string, keys: ReadonlyMap<string, TufKey>): Listed {
  const fields = new Fields(value, delegator, 'delegations.roles')
  const name = fields.text('name')
  // Under such a name a delegate would take the place of a top-level role in the snapshot and on the disk.
  if (name === '' || TOP_LEVEL_ROLES.some((reserved) => reserved === name))
    throw new TufRefused('malformed', delegator, `delegates to a role called '${name}'`)
  const delegation = {
    role: name,
    terminating: fields.flag('terminating'),
    signers: readSigners(fields, keys),
  }
  if (fields.has('paths') && fields.has('path_hash_prefixes'))
    throw fields.bad('paths', 'given together with path_hash_prefixes')
  if (fields.has('path_hash_prefixes')) {
    const prefixes = fields.texts('path_hash_prefixes')
    return { delegation, covers: (path) => prefixes.some((prefix) => sha256Hex(path).startsWith(prefix)) }
  }
  const patterns = fields.has('paths') ? fields.texts('paths') : []
  return { delegation, covers: (path) => patterns.some((pattern) => matchesPath(pattern, path)) }
}

function readSuccinct(fields: Fields, keys: ReadonlyMap<string, TufKey>): Delegations {
  const bitLength = fields.integer('bit_length', 1)
  if (bitLength > MAX_BIT_LENGTH) throw fields.bad('bit_length', `over ${MAX_BIT_LENGTH}`)
  const prefix = fields.text('name_prefix')
  const signers = readSigners(fields, keys)
  const digits = (2 ** bitLength - 1).toString(16).length
  const bin = (number: number): Delegation => ({
    role: `${prefix}-${number.toString(16).padStart(digits, '0')}`,
    terminating: true,
    signers,
  })
  return {
    covering: (path) => [
      bin(Number.parseInt(sha256Hex(path).slice(0, 8), 16) >>> (MAX_BIT_LENGTH - bitLength)),
    ],
    to: (role) => {
      const suffix = role.slice(prefix.length + 1)
      const number = /^[0-9a-f]+$/.test(suffix) ? Number.parseInt(suffix, 16) : 2 ** bitLength
      const found = number < 2 ** bitLength ? bin(number) : undefined
      return found?.role === role ? found : undefined
    },
  }
}
