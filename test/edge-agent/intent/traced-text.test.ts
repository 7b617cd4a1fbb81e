import { assert as check, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokensOf } from '../../../edge-agent/intent/normalise.ts'
import { TracedText } from '../../../edge-agent/intent/traced-text.ts'

describe('a traced text', () => {
  it('knows where what was rewritten came from', () => {
    const text = TracedText.normalised('５ ℃ at 1,450 rpm')
    expect(text.text).toBe('5 °C at 1,450 rpm')
    expect(text.originalOf(2, 4)).toEqual({ start: 2, end: 3 })
    const rewritten = text.replace(/,/g, () => '').replace(/rpm/g, () => 'revolutions per minute')
    expect(rewritten.text).toBe('5 °C at 1450 revolutions per minute')
    expect(rewritten.originalOf(8, 12)).toEqual({ start: 7, end: 12 })
    expect(rewritten.originalOf(13, 35)).toEqual({ start: 13, end: 16 })
  })

  it('gives tokens that lie within the text, in order', () => {
    check(
      property(string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        let last = 0
        for (const { start, end } of tokensOf(text)) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(text.length)
          last = start
        }
      }),
    )
  })
})
