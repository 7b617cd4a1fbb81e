/**
 * The search for a target through the delegations (5.6.7): pre-order, depth first, in the order in which delegators list
 * their delegates. A role that cannot be verified ends the search: whatever comes after it was meant to be overruled by it.
 */
import type { Delegation } from './delegations.ts'
import type { TargetFile, Targets } from './metadata.ts'

/** Roles asked for one target, beside the top-level one: more is a maze that somebody built. */
export const MAX_DELEGATED_ROLES = 32

/** The first listing of `path`, or undefined when no role that may speak for it lists it. Throws what `load` throws. */
export async function findTarget(
  path: string,
  start: Delegation,
  load: (delegation: Delegation) => Promise<Targets>,
): Promise<TargetFile | undefined> {
  const visited = new Set<string>()
  let pending: readonly Delegation[] = [start]
  while (visited.size <= MAX_DELEGATED_ROLES) {
    const [next, ...rest] = pending
    if (next === undefined) return undefined
    pending = rest
    if (visited.has(next.role)) continue
    visited.add(next.role)
    const targets = await load(next)
    const found = targets.targets.get(path)
    if (found !== undefined) return found
    const children = targets.delegations.covering(path)
    const last = children.findIndex((child) => child.terminating)
    pending = last < 0 ? [...children, ...pending] : children.slice(0, last + 1)
  }
  return undefined
}
