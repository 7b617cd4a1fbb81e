import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CONFIRM_WITHIN_MS,
  INSTALL_STEPS,
  MAX_ATTEMPTS,
  MAX_RESTARTS,
  MAX_SHADOW_RESTARTS,
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
  { kind: 'done', atMs: 1_000 },
  { kind: 'failed', code: 'x', message: 'broken' },
  { kind: 'postponed', reason: 'no link' },
  { kind: 'retried' },
  { kind: 'restarted' },
  { kind: 'settled', install },
  { kind: 'spoiled' },
  { kind: 'waited', atMs: 2_000 },
]
const done: InstallFact = { kind: 'done', atMs: 1_000 }
const withShadow: Install = { ...install, shadow: { turns: 10, hours: 1 } }
const run = (from: InstallState, ...rest: InstallFact[]): InstallState => rest.reduce(nextStep, from)

describe('the install state machine', () => {
  it('goes from an offer to committed by nine finished steps, eight where no shadow is wished', () => {
    const seen = [nextStep({ kind: 'IDLE' }, { kind: 'offered', install: withShadow })]
    while (isBusy(seen.at(-1) ?? { kind: 'IDLE' })) {
      const last = seen.at(-1)
      if (last === undefined) break
      seen.push(nextStep(last, { kind: 'done', atMs: 1_000 }))
    }
    expect(seen.map(({ kind }) => kind)).toEqual([...INSTALL_STEPS, 'COMMITTED'])
    expect(run({ kind: 'SMOKE', install, restarts: 0, confirmByMs: null }, done).kind).toBe('ACTIVATE')
  })

  it('goes from a failure in any step to ROLLBACK, REPORT and rest', () => {
    for (const kind of INSTALL_STEPS) {
      const failed = run(
        { kind, install, restarts: 0, confirmByMs: null },
        { kind: 'failed', code: 'x', message: 'broken' },
      )
      expect(failed).toMatchObject({ kind: 'ROLLBACK', failure: { step: kind, code: 'x' } })
      expect(run(failed, { kind: 'done', atMs: 1_000 }).kind).toBe('REPORT')
      expect(run(failed, { kind: 'done', atMs: 1_000 }, { kind: 'done', atMs: 1_000 })).toEqual({
        kind: 'IDLE',
      })
    }
  })

  it('defers a step without blame and resumes the same step', () => {
    const deferred = run(
      { kind: 'FETCH', install, restarts: 0, confirmByMs: null },
      { kind: 'postponed', reason: 'no link' },
    )
    expect(deferred).toMatchObject({ kind: 'DEFERRED', step: 'FETCH', reason: 'no link' })
    expect(run(deferred, { kind: 'retried' })).toMatchObject({ kind: 'FETCH' })
    expect(run(deferred, { kind: 'restarted' })).toMatchObject({ kind: 'FETCH' })
  })

  it('gives up a step that stops the process again and again', () => {
    let state: InstallState = { kind: 'SMOKE', install, restarts: 0, confirmByMs: null }
    for (let at = 0; at < MAX_RESTARTS; at += 1) state = run(state, { kind: 'restarted' })
    expect(state.kind).toBe('SMOKE')
    expect(run(state, { kind: 'restarted' })).toMatchObject({
      kind: 'ROLLBACK',
      failure: { code: 'install_crash_loop' },
    })
  })

  it('never gives up a fetch because the power went', () => {
    let state: InstallState = { kind: 'FETCH', install, restarts: 0, confirmByMs: null }
    for (let at = 0; at < 50; at += 1) state = run(state, { kind: 'restarted' })
    expect(state.kind).toBe('FETCH')
  })

  it('keeps rolling back until it is done, whatever else happens', () => {
    const failure = { step: 'SMOKE', code: 'x', message: 'broken' } as const
    const state: InstallState = { kind: 'ROLLBACK', install, failure }
    for (const fact of facts.filter(({ kind }) => kind !== 'done')) expect(run(state, fact)).toBe(state)
  })

  it('parks an artefact whose budget is spent, and leaves that only for another, or for an operator', () => {
    const failure = { step: 'SMOKE', code: 'smoke_failed', message: 'broken' } as const
    const last: Install = { ...install, offer: 7, attempt: MAX_ATTEMPTS }
    expect(run({ kind: 'REPORT', install: { ...last, attempt: 1 }, failure }, done)).toEqual({ kind: 'IDLE' })
    const parked = run({ kind: 'REPORT', install: last, failure }, done)
    expect(parked).toEqual({ kind: 'PARKED', install: last, failure })
    for (const fact of facts.filter(({ kind }) => kind !== 'settled')) expect(run(parked, fact)).toBe(parked)
    expect(run(parked, { kind: 'offered', install: { ...install, offer: 8 } })).toMatchObject({
      kind: 'CHECK',
      install: { attempt: 1, offer: 8 },
    })
    const other = { ...install, envelopeSha256: 'b'.repeat(64) }
    expect(run(parked, { kind: 'offered', install: other }).kind).toBe('CHECK')
  })

  it('does not try again what ends its process, and tries again what the power cut', () => {
    const failed = (step: 'SMOKE' | 'VERIFY'): InstallState =>
      run({ kind: 'REPORT', install, failure: { step, code: 'install_crash_loop', message: 'x' } }, done)
    expect(failed('SMOKE').kind).toBe('PARKED')
    expect(failed('VERIFY').kind).toBe('IDLE')
  })

  it('goes back by itself when nothing confirms before the deadline, whatever state the kill left', () => {
    const smoked = run({ kind: 'SMOKE', install, restarts: 0, confirmByMs: null }, done)
    const byMs = 1_000 + CONFIRM_WITHIN_MS
    expect(smoked).toMatchObject({ kind: 'ACTIVATE', confirmByMs: byMs })
    const waits = run(smoked, done)
    expect(waits).toMatchObject({ kind: 'CONFIRM', confirmByMs: byMs })
    const put = run(waits, { kind: 'postponed', reason: 'disk_full' })
    for (const state of [smoked, waits, put]) {
      expect(run(state, { kind: 'waited', atMs: byMs - 1 })).toBe(state)
      expect(run(state, { kind: 'waited', atMs: byMs })).toMatchObject({
        kind: 'ROLLBACK',
        failure: { code: 'confirmation_overdue' },
      })
    }
  })

  it('takes up nothing else while a slot that may run is not confirmed', () => {
    const exposed: InstallState = {
      kind: 'DEFERRED',
      step: 'CONFIRM',
      reason: 'disk_full',
      install,
      restarts: 0,
      confirmByMs: 5_000,
    }
    const other = { ...install, envelopeSha256: 'b'.repeat(64) }
    expect(run(exposed, { kind: 'offered', install: other })).toBe(exposed)
    expect(run(exposed, { kind: 'settled', install: other })).toBe(exposed)
  })

  it('lets a shadow live through days of switching off, and not for ever', () => {
    const waits: InstallState = {
      kind: 'DEFERRED',
      step: 'SHADOW',
      reason: 'shadowing',
      install: withShadow,
      restarts: 0,
      confirmByMs: null,
    }
    let state: InstallState = waits
    for (let at = 0; at < MAX_SHADOW_RESTARTS; at += 1)
      state = run(state, { kind: 'restarted' }, { kind: 'postponed', reason: 'shadowing' })
    expect(state.kind).toBe('DEFERRED')
    expect(run(state, { kind: 'restarted' })).toMatchObject({ failure: { code: 'install_crash_loop' } })
  })

  it('forgets what it waited for or gave up, once what runs is what is wanted', () => {
    const failure = { step: 'SMOKE', code: 'x', message: 'broken' } as const
    for (const state of [
      { kind: 'IDLE' },
      { kind: 'PARKED', install: withShadow, failure },
      { kind: 'DEFERRED', step: 'FETCH', reason: 'no link', install, restarts: 0, confirmByMs: null },
    ] as const)
      expect(run(state, { kind: 'settled', install })).toEqual({ kind: 'COMMITTED', install })
  })

  it('has a cell for every state and fact', () => {
    const cells = Object.values(TRANSITIONS).flatMap((row) => Object.values(row))
    expect(cells).toHaveLength(15 * facts.length)
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
          if (next.kind === 'COMMITTED' && state.kind !== 'COMMITTED' && fact.kind !== 'settled')
            expect(passed).toEqual(INSTALL_STEPS.filter((kind) => kind !== 'SHADOW'))
          if (next.kind === 'ROLLBACK') passed = []
          state = next
        }
      }),
    )
  })
})
