/**
 * How concurrent changes of one field come together: pure, and the same whatever the order in which devices are heard
 * (invariant W4 of edge-agent/context/SPEC.md), as long as each device is heard in its own order, which its journal's
 * chain sees to.
 *
 * A claim is the newest write of one device on a field, until a write that saw it takes its place. Of several live
 * claims the one that was made first stands, as it would if everybody had been online; the others are in conflict. A claim
 * against a change of the centre that it had not seen is beaten: it never stands by itself.
 */
import { canonicalText } from '../../shared/canonical.ts'
import type { Json, JsonObject } from '../../shared/json.ts'

export type Claim = {
  readonly writeId: string
  readonly device: string
  readonly person: string | null
  readonly stampMs: number
  /** Since when the device holds the field: the stamp of its first write that it had not yet seen settled. Orders claims. */
  readonly sinceMs: number
  /** The row's version that this claim made, and the one that it had seen. */
  readonly version: number
  readonly baseVersion: number
  readonly state: 'live' | 'beaten'
  /** The field at `baseVersion`, and as the device wants it. */
  readonly base: JsonObject
  readonly value: JsonObject
}

export type FieldState = {
  readonly claims: readonly Claim[]
  /** What lies under all claims: the newest value that somebody saw settled, and went on from. */
  readonly ground: { readonly value: JsonObject; readonly version: number }
  /** The row's version at which the centre itself last wrote the field. */
  readonly centreVersion: number
}

/** The field after a device's write. What that device had seen, and its own earlier claim, give way to it. */
export function mergeWrite(before: FieldState, write: Omit<Claim, 'state'>): FieldState {
  const claims = before.claims.filter(
    ({ device, version }) => device !== write.device && version > write.baseVersion,
  )
  const state = before.centreVersion > write.baseVersion ? 'beaten' : 'live'
  const { base: value, baseVersion: version } = write
  const ground = version > before.ground.version ? { value, version } : before.ground
  return { ...before, ground, claims: [...claims, { ...write, state }] }
}

/** The field after the centre wrote it itself: it saw every claim, and those that had lost stay in conflict. */
export function mergeCentre(before: FieldState, value: JsonObject, version: number): FieldState {
  const lost = conflictsOf(before).map((claim) => ({ ...claim, state: 'beaten' as const }))
  return { claims: lost, ground: { value, version }, centreVersion: version }
}

/** The field without one claim. */
export function dropClaim(before: FieldState, writeId: string): FieldState {
  return { ...before, claims: before.claims.filter((claim) => claim.writeId !== writeId) }
}

export function valueOf(state: FieldState): JsonObject {
  return winnerOf(state.claims)?.value ?? state.ground.value
}

/** The claim whose value stands; null where what lies under them does. */
export function winnerOf(claims: readonly Claim[]): Claim | null {
  let winner: Claim | null = null
  for (const claim of claims) {
    if (claim.state !== 'live' || isVoid(claim)) continue
    if (winner === null || isEarlier(claim, winner)) winner = claim
  }
  return winner
}

/** The claims that lost, and want another value than the one that stands. */
export function conflictsOf(state: FieldState): readonly Claim[] {
  const standing = valueOf(state)
  return state.claims.filter((claim) => !isVoid(claim) && !sameValue(claim.value, standing))
}

/** The device is back where it started, as after an undo: it wants nothing any more. */
function isVoid({ value, base }: Claim): boolean {
  return sameValue(value, base)
}

function sameValue(one: JsonObject, other: JsonObject): boolean {
  return canonicalText(one) === canonicalText(other)
}

/** Devices' clocks may be wrong: then the order is odd, but it is the same everywhere, and both versions are kept. */
function isEarlier(one: Claim, other: Claim): boolean {
  return one.sinceMs === other.sinceMs ? one.device < other.device : one.sinceMs < other.sinceMs
}

/** Items that devices added to a list, after those that were there. */
export type ListState = {
  readonly own: readonly Json[]
  readonly added: readonly {
    readonly writeId: string
    readonly device: string
    readonly person: string | null
    readonly stampMs: number
    readonly items: readonly Json[]
  }[]
}

/** The list, each item once, devices' items in the order in which they were added, as far as `fits` lets it grow. */
export function listOf(
  { own, added }: ListState,
  fits: (list: readonly Json[]) => boolean,
): { readonly list: readonly Json[]; readonly left: readonly ListState['added'][number][] } {
  const list = [...own]
  const held = new Set(own.map(canonicalText))
  const left: ListState['added'][number][] = []
  for (const addition of [...added].sort(byStamp)) {
    const fresh = addition.items.filter((item) => !held.has(canonicalText(item)))
    if (!fits([...list, ...fresh])) {
      left.push(addition)
      continue
    }
    list.push(...fresh)
    for (const item of fresh) held.add(canonicalText(item))
  }
  return { list, left }
}

/** Stable: additions of one device at one time keep their order. */
function byStamp(one: ListState['added'][number], other: ListState['added'][number]): number {
  if (one.stampMs !== other.stampMs) return one.stampMs - other.stampMs
  return one.device === other.device ? 0 : one.device < other.device ? -1 : 1
}
