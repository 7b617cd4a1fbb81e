/**
 * What one report of a shadow counts is one observation, however many inputs it holds: inputs of one device hang together, and
 * its report has their sums alone. To count it as many windows, each with its part of the sums, halts good releases.
 */
import { expect, it } from 'vitest'
import { judge } from '../../../rollout/gates/judge.ts'
import { observe, openLedger } from '../../../rollout/gates/ledger.ts'
import { standardGates } from '../../../rollout/gates/spec.ts'
import { seeded } from '../../../shared/seeded.ts'

const CAMPAIGNS = 300
const REPORTS = 80
const WINDOWS = 10
const ALPHA = 0.05

const [gate] = standardGates({ rings: 1, ring: 0 })
  .filter(({ name }) => name === 'shadow')
  .map((one) => ({ ...one, alpha: ALPHA }))

/** The share of good releases that are halted, where the two versions differ in bursts, for the worse as often as for the better. */
function falseHalts(parts: number): number {
  if (gate === undefined) throw new Error('no gate looks at shadows')
  let halted = 0
  for (let seed = 1; seed <= CAMPAIGNS; seed += 1) {
    const random = seeded(seed)
    const ledger = openLedger([gate])
    const state = ledger[gate.name]
    if (state === undefined) throw new Error('the gate has no state')
    const look = { nowMs: 0, planned: { treated: 10, control: 0 } }
    let isHalted = false
    for (let report = 0; report < REPORTS && !isHalted; report += 1) {
      const isWorse = random() < 0.5
      const [worse, better] = isWorse ? [10 * WINDOWS, 0] : [0, 10 * WINDOWS]
      const place = { kind: 'shadowed', device: `device-${report}`, site: 'site', atMs: 0 } as const
      for (let part = 0; part < parts; part += 1)
        observe(state, {
          ...place,
          inputs: (200 * WINDOWS) / parts,
          worse: worse / parts,
          better: better / parts,
        })
      isHalted = judge([gate], ledger, look).decision === 'HALT'
    }
    if (isHalted) halted += 1
  }
  return halted / CAMPAIGNS
}

it('one observation a report keeps the chance of a false halt; many of one report would not', () => {
  expect(falseHalts(1)).toBeLessThanOrEqual(ALPHA)
  expect(falseHalts(WINDOWS)).toBeGreaterThan(4 * ALPHA)
})
