import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  INSTALL_STEPS,
  MAX_RESTARTS,
  TRANSITIONS,
  isBusy,
  nextStep,
  type Install,
  type InstallFact,
  type InstallState,
} from '../../rollout/install.ts'

const install: Install = {
  name: 'models',
  version: '1.0.0',
  envelopeSha256: 'a'.repeat(64),
  envelopeSizeBytes: 100,
  slot: 'b',
}
const facts: readonly InstallFact[] = [
  { kind: 'offered', install },
  { kind: 'done' },
  { kind: 'failed', code: 'x', message: 'broken' },
  { kind: 'postponed', reason: 'no link' },
  { kind: 'retried' },
  { kind: 'restarted' },
]
const run = (from: InstallState, ...rest: InstallFact[]): InstallState => rest.reduce(nextStep, from)

describe('the install state machine', () => {
  it('goes from an offer to committed by six finished steps', () => {
    const seen = [nextStep({ kind: 'IDLE' }, { kind: 'offered', install })]
    while (isBusy(seen.at(-1) ?? { kind: 'IDLE' })) {
      const last = seen.at(-1)
      if (last === undefined) break
      seen.push(nextStep(last, { kind: 'done' }))
    }
    expect(seen.map(({ kind }) => kind)).toEqual([...INSTALL_STEPS, 'COMMITTED'])
  })

  it('goes from a failure in any step to ROLLBACK, REPORT and rest', () => {
    for (const kind of INSTALL_STEPS) {
      const failed = run({ kind, install, restarts: 0 }, { kind: 'failed', code: 'x', message: 'broken' })
      expect(failed).toMatchObject({ kind: 'ROLLBACK', failure: { step: kind, code: 'x' } })
      expect(run(failed, { kind: 'done' }).kind).toBe('REPORT')
      expect(run(failed, { kind: 'done' }, { kind: 'done' })).toEqual({ kind: 'IDLE' })
    }
  })

  it('defers a step without blame and resumes the same step', () => {
    const deferred = run({ kind: 'FETCH', install, restarts: 0 }, { kind: 'postponed', reason: 'no link' })
    expect(deferred).toMatchObject({ kind: 'DEFERRED', step: 'FETCH', reason: 'no link' })
    expect(run(deferred, { kind: 'retried' })).toMatchObject({ kind: 'FETCH' })
    expect(run(deferred, { kind: 'restarted' })).toMatchObject({ kind: 'FETCH' })
  })

  it('gives up a step that stops the process again and again', () => {
    let state: InstallState = { kind: 'SMOKE', install, restarts: 0 }
    for (let at = 0; at < MAX_RESTARTS; at += 1) state = run(state, { kind: 'restarted' })
    expect(state.kind).toBe('SMOKE')
    expect(run(state, { kind: 'restarted' })).toMatchObject({
      kind: 'ROLLBACK',
      failure: { code: 'install_crash_loop' },
    })
  })

  it('never gives up a fetch because the power went', () => {
    let state: InstallState = { kind: 'FETCH', install, restarts: 0 }
    for (let at = 0; at < 50; at += 1) state = run(state, { kind: 'restarted' })
    expect(state.kind).toBe('FETCH')
  })

  it('keeps rolling back until it is done, whatever else happens', () => {
    const failure = { step: 'SMOKE', code: 'x', message: 'broken' } as const
    const state: InstallState = { kind: 'ROLLBACK', install, failure }
    for (const fact of facts.filter(({ kind }) => kind !== 'done')) expect(run(state, fact)).toBe(state)
  })

  it('has a cell for every state and fact', () => {
    const cells = Object.values(TRANSITIONS).flatMap((row) => Object.values(row))
    expect(cells).toHaveLength(11 * facts.length)
  })

  it('reaches COMMITTED only through every step in order, for any run of facts', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...facts), { maxLength: 60 }), (sequence) => {
        let state: InstallState = { kind: 'IDLE' }
        let passed: string[] = []
        for (const fact of sequence) {
          const next = nextStep(state, fact)
          if (next.kind === 'CHECK' && state.kind !== 'CHECK' && state.kind !== 'DEFERRED') passed = []
          if (fact.kind === 'done' && next !== state) passed.push(state.kind)
          if (next.kind === 'COMMITTED' && state.kind !== 'COMMITTED')
            expect(passed).toEqual([...INSTALL_STEPS])
          if (next.kind === 'ROLLBACK') passed = []
          state = next
        }
      }),
    )
  })
})
