import { describe, expect, it } from 'vitest'
import type { DomainUnderTest } from '../../../edge-agent/evaluation/domain-under-test.ts'
import { gate, parseThreshold, ThresholdRefused } from '../../../edge-agent/evaluation/gate.ts'
import type { Entry } from '../../../edge-agent/evaluation/manifest.ts'
import { type Outcome, outcomeOf } from '../../../edge-agent/evaluation/outcome.ts'
import { summarise } from '../../../edge-agent/evaluation/summary.ts'
import type { Hypothesis } from '../../../edge-agent/speech/hypothesis.ts'

/** Knows "count N" alone. */
const domain: DomainUnderTest = {
  name: 'counting',
  load: async () => undefined,
  accepts: ({ kind }) => kind === 'heard',
  understand: (text) => {
    const [, n] = /^count (\d+)$/.exec(text) ?? []
    return n === undefined ? null : { intent: 'count', slots: { n: Number(n) } }
  },
}

function entry(change: Partial<Entry>): Entry {
  return { line: 1, audio: 'a.wav', path: '/a.wav', text: null, slots: {}, set: 'all', ...change }
}

function heard(text: string, kind: Hypothesis['kind'] = 'heard', confidence = 0.9): Outcome['played'] {
  const timings = { audioMs: 1_000, runtimeUs: 1, totalUs: 1, finishUs: 1 }
  const words = text
    .split(' ')
    .map((word) => ({ word, startMs: 0, endMs: 100, confidence, open: false, evidence: [] }))
  const scored = { confidence, evidence: [], alternatives: [] }
  const hypothesis = { kind, text, words, ...scored, partialsCount: 0, timings }
  return { hypothesis, firstPartialMs: 350, finalMs: 20, audioMs: 1_000 }
}

const outcome = (change: Partial<Entry>, played: Outcome['played']): Outcome =>
  outcomeOf(entry(change), played, domain)

describe('what came of a recording', () => {
  it('is right when the intent and every slot are, however they are written', () => {
    const command = { intent: 'count', slots: { n: '5' } }
    expect(outcome(command, heard('count 5'))).toMatchObject({ accepted: true, right: true })
    expect(outcome(command, heard('count 6'))).toMatchObject({ accepted: true, right: false })
    expect(outcome(command, heard('count 5', 'rejected'))).toMatchObject({ accepted: false, right: true })
    expect(outcome({ intent: 'count' }, heard('count 5'))).toMatchObject({ accepted: true, right: false })
  })

  it('takes a text that the domain reads for a command, and any other for none', () => {
    expect(outcome({ text: 'count 5' }, heard('count 5'))).toMatchObject({ right: true })
    expect(outcome({ text: 'hello there' }, heard('count 5')).expected).toBeNull()
    expect(outcome({ text: 'count 5', intent: null }, heard('count 5')).expected).toBeNull()
  })
})

describe('figures and their gate', () => {
  const outcomes = [
    outcome({ intent: 'count', slots: { n: 5 }, text: 'count 5' }, heard('count 5')),
    outcome({ intent: 'count', slots: { n: 5 }, text: 'count 5' }, heard('count 6')),
    outcome({ intent: 'count', slots: { n: 5 } }, heard('count 5', 'rejected', 0.2)),
    outcome({ intent: null }, heard('count 5')),
    outcome({ intent: null }, heard('', 'nothing', 0)),
  ]
  const report = {
    model: { name: 'm', digest: 'd' },
    domain: 'counting',
    streams: 1,
    overall: summarise(outcomes, true),
    sets: {},
    cost: { realTimeFactor: 0.02, peakMemoryMb: 200 },
  }

  it('count each recording where it belongs', () => {
    const { commands, rejected, words, sentences, latencyMs } = report.overall
    expect(commands.accepted).toMatchObject({ count: 1, of: 3 })
    expect(commands.wrong).toMatchObject({ count: 1, of: 3 })
    expect(commands.missed).toMatchObject({ count: 1, of: 3 })
    expect(rejected).toMatchObject({ count: 1, of: 2 })
    expect(words).toMatchObject({ substitutions: 1, rate: { count: 1, of: 4 } })
    expect(sentences).toMatchObject({ count: 1, of: 2 })
    expect(latencyMs.firstPartial).toMatchObject({ p50: 250 })
  })

  it('hold or do not hold', () => {
    const holds = (text: string, op: '>=' | '<='): boolean =>
      gate(report, [parseThreshold(text, op)]).every((found) => found.holds)
    expect(holds('accepted=0.3', '>=')).toBe(true)
    expect(holds('accepted=0.4', '>=')).toBe(false)
    expect(holds('wer=0.25', '<=')).toBe(true)
    expect(holds('wer=0.2', '<=')).toBe(false)
    expect(holds('real-time-factor=0.05', '<=')).toBe(true)
  })

  it('do not hold when there is nothing to compute them from', () => {
    const empty = { ...report, overall: summarise([], true) }
    const [found] = gate(empty, [parseThreshold('wer=1', '<=')])
    expect(found).toMatchObject({ found: null, holds: false })
  })

  it.each(['accepted', 'accepted=', 'accepted=high', 'speed=1', 'toString=1', '=1'])(
    'refuse the threshold %s',
    (text) => {
      expect(() => parseThreshold(text, '>=')).toThrow(ThresholdRefused)
    },
  )
})
