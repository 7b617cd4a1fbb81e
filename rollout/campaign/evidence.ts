/**
 * What the gates of a ring know: the fold of what they were told. The gates are moved in place, because copying what they know
 * of thousands of sites at each tick would cost more than all else; so they are moved along the newest state alone, and made
 * anew from the facts when an older one is asked.
 */
import { observe, openLedger, type GateLedger } from '../gates/ledger.ts'
import { own } from '../gates/own.ts'
import type { GateSpec } from '../gates/spec.ts'
import { FactLog, type Told } from './fact-log.ts'
import { METRICS } from './plan.ts'

/**
 * Facts of one moment as the gates are to hear them, whatever came first: whoever came under observation, then who failed, then
 * the rest, each in the order given. Arms that enter and end between two looks were at risk together all the same, and a failure
 * is weighed against everybody who was. No arm comes before the other, so the gates' odds hold.
 */
export function inOrder(told: readonly Told[]): readonly Told[] {
  const entered: Told[] = []
  const failed: Told[] = []
  const rest: Told[] = []
  for (const one of told) {
    const { fact } = one
    if (fact.kind === 'entered') entered.push(one)
    else if (fact.kind === 'judged' && fact.value === 1 && one.gates.some(isOfFailures)) failed.push(one)
    else rest.push(one)
  }
  return [...entered, ...failed, ...rest]
}

function isOfFailures(gate: string): boolean {
  return METRICS[gate] === 'failure'
}

/** Facts and the gates that were told the first `upTo` of them. Both only grow. */
interface Shared {
  readonly facts: FactLog
  readonly ledger: GateLedger
  upTo: number
}

export class RingEvidence {
  readonly #gates: readonly GateSpec[]
  readonly #length: number
  #shared: Shared

  private constructor(gates: readonly GateSpec[], shared: Shared, length: number) {
    this.#gates = gates
    this.#shared = shared
    this.#length = length
  }

  static open(gates: readonly GateSpec[]): RingEvidence {
    return new RingEvidence(gates, { facts: new FactLog(), ledger: openLedger(gates), upTo: 0 }, 0)
  }

  with(told: readonly Told[]): RingEvidence {
    // Another state went on from here already: its facts are not ours.
    if (this.#shared.facts.length !== this.#length) this.#shared = this.#apart()
    for (const one of told) this.#shared.facts.add(one)
    return new RingEvidence(this.#gates, this.#shared, this.#length + told.length)
  }

  /** Only to be read, and only until the next state is made. */
  ledger(): GateLedger {
    if (this.#shared.upTo > this.#length) this.#shared = this.#apart()
    const shared = this.#shared
    for (; shared.upTo < this.#length; shared.upTo += 1)
      tell(shared.ledger, this.#gates, shared.facts.at(shared.upTo))
    return shared.ledger
  }

  #apart(): Shared {
    return { facts: this.#shared.facts.upTo(this.#length), ledger: openLedger(this.#gates), upTo: 0 }
  }
}

function tell(ledger: GateLedger, gates: readonly GateSpec[], { gates: names, fact }: Told): void {
  for (const gate of gates) {
    if (!names.includes(gate.name)) continue
    const state = own(ledger, gate.name)
    if (state !== undefined) observe(state, fact)
  }
}
