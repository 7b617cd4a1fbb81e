import { assert as check, constantFrom, double, option, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideTurn, stricter, type OpenQuestion, type Understood } from '../../../edge-agent/turn/decide.ts'

const thresholds = { act: 0.8, ask: 0.5 }
const close = (confidence: number, missing: readonly string[] = []): Understood => ({
  intent: 'work_order.close',
  confidence,
  slots: { number: '427' },
  missing,
  effectful: true,
})
const said = (intent: string): Understood => ({
  intent,
  confidence: 0.95,
  slots: {},
  missing: [],
  effectful: false,
})
const base = { transcript: 'close work order four two seven', open: null, thresholds }
const open: OpenQuestion = { intent: 'work_order.close', slots: { number: '427' }, missing: [] }

describe('the decision of a turn', () => {
  it('acts at the threshold, asks under it, and gives what is lower to a person', () => {
    expect(decideTurn({ ...base, understood: close(0.8) }).kind).toBe('act')
    expect(decideTurn({ ...base, understood: close(0.79) }).kind).toBe('confirm')
    expect(decideTurn({ ...base, understood: close(0.49) })).toMatchObject({
      kind: 'inbox',
      reason: 'low_confidence',
    })
  })

  it('takes the stricter of the thresholds of policy and domain', () => {
    expect(stricter(thresholds, { act: null, ask: null })).toEqual(thresholds)
    expect(stricter(thresholds, { act: 0.95, ask: 0.4 })).toEqual({ act: 0.95, ask: 0.5 })
    const strict = stricter(thresholds, { act: 0.95, ask: 0.9 })
    expect(decideTurn({ ...base, thresholds: strict, understood: close(0.94) }).kind).toBe('confirm')
    expect(decideTurn({ ...base, thresholds: strict, understood: close(0.89) }).kind).toBe('inbox')
  })

  it('never asks about the same thing twice', () => {
    expect(decideTurn({ ...base, open, understood: close(0.7) })).toMatchObject({
      kind: 'inbox',
      reason: 'asked_twice',
    })
  })

  it('acts on a yes as on the words that were confirmed, and drops them on a no', () => {
    expect(decideTurn({ ...base, open, understood: said('turn.confirm') })).toEqual({
      kind: 'act',
      intent: 'work_order.close',
      slots: { number: '427' },
      confirmed: true,
    })
    expect(decideTurn({ ...base, open, understood: said('turn.deny') }).kind).toBe('withdrawn')
  })

  it('asks for a slot that is missing, and joins the answer to what was said before', () => {
    const part: Understood = {
      intent: 'part.order',
      confidence: 0.9,
      slots: { count: 2 },
      missing: ['part'],
      effectful: true,
    }
    const first = decideTurn({ ...base, understood: part })
    expect(first).toMatchObject({ kind: 'ask_slot', slot: 'part' })
    if (first.kind !== 'ask_slot') return
    const answer = { ...part, slots: { part: 'seal' }, missing: ['count'] }
    expect(decideTurn({ ...base, open: first.question, understood: answer })).toMatchObject({
      kind: 'act',
      slots: { count: 2, part: 'seal' },
    })
  })

  it('hears nothing in silence and sends what is out of scope to a person', () => {
    expect(decideTurn({ ...base, transcript: null, understood: null }).kind).toBe('nothing_heard')
    expect(decideTurn({ ...base, understood: null })).toMatchObject({ kind: 'inbox', reason: 'out_of_scope' })
  })

  it('never acts on an effectful intent under the threshold unless a person confirmed it', () => {
    const any = record({
      confidence: double({ min: 0, max: 1, noNaN: true }),
      intent: constantFrom('work_order.close', 'part.order', 'reading.log'),
      open: option(constantFrom(open)),
    })
    check(
      property(any, ({ confidence, intent, open: question }) => {
        const understood = { intent, confidence, slots: {}, missing: [], effectful: true }
        const decision = decideTurn({ ...base, open: question, understood })
        if (confidence < thresholds.act) expect(decision.kind).not.toBe('act')
      }),
    )
  })
})
