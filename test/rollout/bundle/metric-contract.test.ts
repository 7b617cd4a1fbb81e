import { describe, expect, it } from 'vitest'
import { standardGates } from '../../../rollout/gates/spec.ts'
import { contractFault, DEVICE_METRICS } from '../../../shared/wire/metric-contract.ts'
import { METRICS, QUALITY } from '../../support/whole-bundle.ts'

describe('a metric contract', () => {
  it('names what the gates judge', () => {
    const judged = standardGates({ rings: 5, ring: 1 }).map(({ name }) => name)
    // Both versions on the same input are compared with each other, not with a number.
    expect(DEVICE_METRICS.map(({ name }) => name)).toEqual(judged.filter((name) => name !== 'shadow'))
  })

  it.each([
    ['nothing', [], /install is not in it/],
    ['no quality of its own', [...DEVICE_METRICS], /no quality of its own/],
    ['one name twice', [...METRICS, QUALITY], /accuracy is named twice/],
    [
      'another unit than devices report',
      METRICS.map((one) => ({ ...one, unit: 'count' as const })),
      /in share/,
    ],
    ['only its own quality', [QUALITY], /every device reports/],
  ])('with %s can be judged by nobody', (_name, contract, fault) => {
    expect(contractFault(contract)).toMatch(fault)
  })

  it('may set other thresholds than ours', () => {
    expect(contractFault(METRICS)).toBeNull()
    expect(contractFault(METRICS.map((metric) => ({ ...metric, threshold: 0.5 })))).toBeNull()
  })
})
