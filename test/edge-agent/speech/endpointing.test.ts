import { expect, test } from 'vitest'
import { ENDPOINT_RULES, endpointRule } from '../../../edge-agent/speech/endpointing.ts'

const heeded = (quietMs: number, isSentence: boolean, more: { spoke?: boolean; heardMs?: number } = {}) => ({
  heardMs: more.heardMs ?? 4_000,
  quietMs,
  spoke: more.spoke ?? true,
  isSentence: () => isSentence,
})

test.each([
  ['a whole sentence ends after a short silence', heeded(500, true), 'sentence'],
  ['half a sentence is waited for', heeded(500, false), undefined],
  ['and ends after a longer one', heeded(900, false), 'words'],
  ['nobody who never spoke is cut off early', heeded(3_000, false, { spoke: false }), undefined],
  ['silence alone ends in the end', heeded(5_000, false, { spoke: false, heardMs: 5_000 }), 'no_speech'],
  ['nobody talks for ever', heeded(0, false, { heardMs: 30_000 }), 'longest'],
  ['speech goes on', heeded(0, true), undefined],
])('%s', (_, state, rule) => {
  expect(endpointRule(state, ENDPOINT_RULES)).toBe(rule)
})

test('rules are the caller’s to set', () => {
  expect(endpointRule(heeded(300, true), { ...ENDPOINT_RULES, afterSentenceMs: 250 })).toBe('sentence')
  expect(endpointRule(heeded(600, true), { ...ENDPOINT_RULES, afterSentenceMs: 700 })).toBeUndefined()
})
