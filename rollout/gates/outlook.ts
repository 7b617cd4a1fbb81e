/** How far a gate that holds is from saying PROMOTE: asked by letting it see what a fault-free future would show it. */
import { judge } from './judge.ts'
import { observe, type GateState } from './ledger.ts'
import type { GateFact } from './fact.ts'
import type { GateSpec } from './spec.ts'

/** More than these are no answer that helps anybody. */
const MOST_TRIED = 3_000

/**
 * So many more observations without a fault, each of another site, and the gate promotes: treated devices, with as many of the
 * control where the gate compares, or windows of a shadow. Null for more than {@link MOST_TRIED}. The state is left as it is.
 */
export function observationsNeeded(gate: GateSpec, state: GateState, windowInputs: number): number | null {
  const tried = JSON.parse(JSON.stringify(state)) as GateState
  const atMs = state.lastAtMs ?? 0
  const look = { nowMs: atMs, planned: { treated: MOST_TRIED, control: MOST_TRIED } }
  for (let count = 0; count <= MOST_TRIED; count += 1) {
    const [said] = judge([gate], { [gate.name]: tried }, look).evidence
    if (said?.decision === 'PROMOTE') return count
    for (const fact of faultless(gate, { windowInputs, atMs, count })) observe(tried, fact)
  }
  return null
}

function faultless(
  { test }: GateSpec,
  {
    windowInputs,
    atMs,
    count,
  }: { readonly windowInputs: number; readonly atMs: number; readonly count: number },
): readonly GateFact[] {
  // No site has such a name.
  const place = { device: `?${count}`, site: `?${count}`, atMs }
  if (test.kind === 'shadow')
    return [{ kind: 'shadowed', ...place, inputs: windowInputs, worse: 0, better: 0 }]
  const arms = test.kind === 'limit' ? (['treated'] as const) : (['treated', 'control'] as const)
  const value = test.kind === 'score' ? 0.5 : 0
  return [
    ...arms.map((arm) => ({ kind: 'entered', arm, ...place }) as const),
    ...arms.map((arm) => ({ kind: 'judged', arm, ...place, value }) as const),
  ]
}
