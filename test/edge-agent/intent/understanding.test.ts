import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Understanding } from '../../../edge-agent/intent/understanding.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openShippedUnderstanding } from './intent-bundle.ts'
import { SAMPLE_NAMES } from './known-names.ts'
import { NATURAL, NOT_WISHED, OUTSIDE } from './natural-sentences.ts'

/** The sentences are few: one more or less is chance. */
const INTENTS_RIGHT = 0.95
const SLOTS_RIGHT = 0.93
const KEPT_OUT = 0.95

const { act } = fieldServicePolicy({ environment: 'development', version: 1, nowMs: 0 }).thresholds
let understanding: Understanding

beforeAll(async () => {
  understanding = await openShippedUnderstanding()
})
afterAll(async () => {
  await understanding.close()
})

describe('what technicians say', () => {
  it('is understood, with the slots that were named and no others', async () => {
    const wrong: string[] = []
    const wrongIntent: string[] = []
    for (const { text, intent, slots } of NATURAL) {
      const meant = await understanding.understand(text, SAMPLE_NAMES)
      if (meant.intent !== intent) wrongIntent.push(text)
      if (meant.intent !== intent || !isDeepStrictEqual({ ...meant.slots }, slots)) wrong.push(text)
    }
    expect(wrongIntent.length / NATURAL.length, wrongIntent.join('\n')).toBeLessThanOrEqual(1 - INTENTS_RIGHT)
    expect(wrong.length / NATURAL.length, wrong.join('\n')).toBeLessThanOrEqual(1 - SLOTS_RIGHT)
  })

  it('is not acted on when it wants nothing of the device', async () => {
    const acted: string[] = []
    for (const text of OUTSIDE) {
      const meant = await understanding.understand(text, SAMPLE_NAMES)
      if (meant.intent !== 'out_of_scope' && meant.confidence >= act) acted.push(`${text}: ${meant.intent}`)
    }
    expect(acted.length / OUTSIDE.length, acted.join('\n')).toBeLessThanOrEqual(1 - KEPT_OUT)
  })

  it.each(NOT_WISHED)(
    'is not acted on when it is turned round, asked or put off: $text',
    async ({ text, not }) => {
      const { intent, confidence } = await understanding.understand(text, SAMPLE_NAMES)
      expect(intent === not && confidence >= act, `${intent} ${confidence}`).toBe(false)
    },
  )

  it('is out of scope when it is no words at all', async () => {
    for (const text of ['', '   ', '?!…', '🛠️'])
      expect(await understanding.understand(text, SAMPLE_NAMES)).toMatchObject({
        intent: 'out_of_scope',
        slots: {},
      })
  })

  it('is refused when it is longer than anybody speaks', async () => {
    await expect(understanding.understand('on '.repeat(500), SAMPLE_NAMES)).rejects.toMatchObject({
      code: 'text_refused',
    })
  })
})
