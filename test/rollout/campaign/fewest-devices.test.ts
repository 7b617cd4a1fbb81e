/** A fleet of one to three devices: what its usual plan can conclude from so little. */
import { describe, expect, it } from 'vitest'
import { usualPlan } from '../../../rollout/campaign/usual-plan.ts'
import { judge } from '../../../rollout/gates/judge.ts'
import { observe, openLedger } from '../../../rollout/gates/ledger.ts'
import type { GateFact } from '../../../rollout/gates/fact.ts'

const bundle = (version: string, digit: string) => ({
  name: 'speech',
  version,
  envelopeSha256: digit.repeat(64),
  envelopeSizeBytes: 1_000,
})

/** What the first ring's gates say once its first device installed the candidate, or gave it up. */
function saidOf(devices: number, value: 0 | 1) {
  const plan = usualPlan({
    campaign: 'spring',
    author: 'ada',
    candidate: bundle('1.1.0', 'a'),
    lastGood: bundle('1.0.0', 'b'),
    baseGeneration: 0,
    salt: 'spring-salt',
    fleet: { devices, sites: devices },
    transferBytes: 1_000,
  })
  const gates = plan.rings[0]?.gates ?? []
  const ledger = openLedger(gates)
  const place = { arm: 'treated', device: 'device-1', site: 'site-1', atMs: 0 } as const
  const facts: readonly GateFact[] = [
    { kind: 'entered', ...place },
    { kind: 'judged', ...place, value },
  ]
  const install = ledger['install']
  if (install === undefined) throw new Error('the plan has a gate over installs')
  for (const fact of facts) observe(install, fact)
  const verdict = judge(gates, ledger, { nowMs: 0, planned: { treated: 1, control: 0 } })
  return { decision: verdict.decision, install: verdict.evidence.find(({ gate }) => gate === 'install') }
}

describe('a fleet of one to three devices', () => {
  it.each([1, 2, 3])('(%i) halts by itself when its first device gave the candidate up', (devices) => {
    expect(saidOf(devices, 1).decision).toBe('HALT')
  })

  it.each([1, 2, 3])(
    '(%i) does not when it installed, and says that as much as is asked was shown',
    (devices) => {
      const { decision, install } = saidOf(devices, 0)
      expect(decision).toBe('HOLD')
      expect(install?.decision).toBe('PROMOTE')
    },
  )

  it('does not let one failure halt where more can be heard', () => {
    expect(saidOf(8, 1).decision).toBe('HOLD')
  })
})
