/**
 * What a campaign knows of one ring by its gates: plain JSON, moved in place by facts in O(1). The reducer owns it, opens a new
 * one for each ring, and copies it first where it has to keep the old one.
 */
import { observeFailure, openFailureGate, type FailureState } from './failure-gate.ts'
import { observeLimit, openLimitGate, type LimitState } from './limit-gate.ts'
import { observeScore, openScoreGate, type ScoreState } from './score-gate.ts'
import { observeShadow, openShadowGate, type ShadowState } from './shadow-gate.ts'
import type { Arm, GateFact } from './fact.ts'
import type { GateSpec } from './spec.ts'

export interface ArmCounts {
  /** Devices that came under observation. */
  entered: number
  /** Devices whose observation is over, with a value or without. */
  judged: number
  /** Of those, devices that gave no value. */
  missing: number
  /** Sum of the values: how many failed, or the sum of the scores. */
  sum: number
}

export interface GateState {
  readonly arms: Record<Arm, ArmCounts>
  /** Of the latest fact, by its own time; null before the first. */
  lastAtMs: number | null
  readonly evidence: FailureState | LimitState | ScoreState | ShadowState
}

/** One state a gate, by the gate's name. */
export type GateLedger = Readonly<Record<string, GateState>>

/** The ledger of a ring of which nothing is known yet. */
export function openLedger(gates: readonly GateSpec[]): GateLedger {
  return Object.fromEntries(gates.map((gate) => [gate.name, openGate(gate)]))
}

const OPENED = {
  failure: openFailureGate,
  limit: openLimitGate,
  score: openScoreGate,
  shadow: openShadowGate,
} as const

function openGate({ test }: GateSpec): GateState {
  const counts = (): ArmCounts => ({ entered: 0, judged: 0, missing: 0, sum: 0 })
  return { arms: { treated: counts(), control: counts() }, lastAtMs: null, evidence: OPENED[test.kind]() }
}

/**
 * Tells one gate of one fact, in place. Each device enters and is judged once a ring and gate: the caller drops what it was
 * told twice. Where several facts have one time, their order must not depend on the arm (by device id, say).
 */
export function observe(state: GateState, fact: GateFact): void {
  state.lastAtMs = Math.max(state.lastAtMs ?? fact.atMs, fact.atMs)
  tally(state, fact)
  const { evidence } = state
  switch (evidence.kind) {
    case 'failure':
      observeFailure(evidence, fact)
      return
    case 'limit':
      observeLimit(evidence, fact)
      return
    case 'score':
      observeScore(evidence, fact)
      return
    case 'shadow':
      observeShadow(evidence, fact)
  }
}

function tally(state: GateState, fact: GateFact): void {
  const counts = state.arms[fact.kind === 'shadowed' ? 'treated' : fact.arm]
  if (fact.kind === 'entered') {
    counts.entered += 1
    return
  }
  counts.judged += 1
  if (fact.kind === 'shadowed') return
  if (fact.value === null) counts.missing += 1
  else counts.sum += fact.value
}
