import { observe, openLedger, type GateLedger } from '../../../rollout/gates/ledger.ts'
import type { Arm, GateFact } from '../../../rollout/gates/fact.ts'
import type { GateSpec, GateTest } from '../../../rollout/gates/spec.ts'

/** A gate with strict limits on what it needs, so that few facts are enough for a verdict. */
export function gateOf(test: GateTest, changes: Partial<GateSpec> = {}): GateSpec {
  return {
    name: test.kind,
    test,
    alpha: 0.01,
    beta: 0.05,
    minimumDevices: 5,
    staleAfterMs: 10_000,
    maximumMissing: 0.1,
    ...changes,
  }
}

export const FAILURE = { kind: 'failure', ratio: 2, ceiling: 0.1 } as const
export const LIMIT = { kind: 'limit', rate: 0.05, ceiling: 0.1 } as const
export const SCORE = { kind: 'score', margin: 0.1 } as const
export const SHADOW = { kind: 'shadow', margin: 0.05 } as const

/** The ledger of these gates after all facts, each told to each gate. */
export function told(gates: readonly GateSpec[], facts: readonly GateFact[]): GateLedger {
  const ledger = openLedger(gates)
  for (const fact of facts) tell(gates, ledger, fact)
  return ledger
}

export function tell(gates: readonly GateSpec[], ledger: GateLedger, fact: GateFact): void {
  for (const gate of gates) {
    const state = ledger[gate.name]
    if (state === undefined) throw new Error(`the ledger has no gate ${gate.name}`)
    observe(state, fact)
  }
}

/** `count` devices of an arm, one a site, that enter and are judged with `value`. */
export function devices(
  arm: Arm,
  count: number,
  value: (index: number) => number | null,
): readonly GateFact[] {
  const names = Array.from({ length: count }, (_, index) => ({
    device: `${arm}-${index}`,
    site: `${arm}-site-${index}`,
  }))
  return [
    ...names.map((name): GateFact => ({ kind: 'entered', arm, ...name, atMs: 0 })),
    ...names.map((name, index): GateFact => ({ kind: 'judged', arm, ...name, atMs: 1, value: value(index) })),
  ]
}
