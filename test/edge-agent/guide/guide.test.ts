import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  advanceGuide,
  type GuideEvent,
  type GuideState,
  type Procedure,
} from '../../../edge-agent/guide/guide.ts'

const procedure: Procedure = {
  id: 'seal-check',
  title: 'Check the seal',
  steps: [
    { number: 1, text: 'Isolate the pump.', evidence: null },
    { number: 2, text: 'Read the pressure.', evidence: { quantity: 'pressure', unit: 'bar' } },
    { number: 3, text: 'Inspect the seal.', evidence: null },
  ],
}
const idle: GuideState = { kind: 'idle' }

function run(events: readonly GuideEvent[]): { state: GuideState; replies: string[] } {
  let state = idle
  const replies: string[] = []
  for (const event of events) {
    const result = advanceGuide(state, event, procedure)
    state = result.state
    replies.push(result.reply.kind)
  }
  return { state, replies }
}
const started: GuideEvent = { kind: 'started', procedureId: 'seal-check', workOrder: '427' }

describe('step guidance', () => {
  it('does not pass a step whose evidence is missing', () => {
    const { state, replies } = run([started, { kind: 'next' }, { kind: 'next' }])
    expect(replies).toEqual(['step', 'step', 'evidence_missing'])
    expect(state).toMatchObject({ kind: 'guiding', index: 1 })
  })

  it('finishes when every step is done, and goes back to the last from there', () => {
    const next: GuideEvent = { kind: 'next' }
    const done = run([started, next, { kind: 'recorded', quantity: 'pressure' }, next, next])
    expect(done.state.kind).toBe('finished')
    expect(advanceGuide(done.state, { kind: 'previous' }, procedure).state).toMatchObject({ index: 2 })
  })

  it('stays at the first step when asked to go back from it', () => {
    expect(run([started, { kind: 'previous' }]).replies).toEqual(['step', 'at_first_step'])
  })

  it('says so when there is no procedure, or it has no steps', () => {
    expect(advanceGuide(idle, { kind: 'next' }, null).reply.kind).toBe('no_procedure')
    expect(advanceGuide(idle, started, { ...procedure, steps: [] }).reply.kind).toBe('no_procedure')
  })

  it('gives the same state from its stored form at any moment, and never leaves the procedure', () => {
    const event = fc.constantFrom<GuideEvent>(
      started,
      { kind: 'next' },
      { kind: 'previous' },
      { kind: 'repeat' },
      { kind: 'recorded', quantity: 'pressure' },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let state: GuideState = idle
        for (const each of events) {
          const stored = JSON.parse(JSON.stringify(state)) as GuideState
          const live = advanceGuide(state, each, procedure)
          expect(advanceGuide(stored, each, procedure)).toEqual(live)
          state = live.state
          if (state.kind === 'guiding') expect(procedure.steps[state.index]).toBeDefined()
        }
      }),
    )
  })
})
