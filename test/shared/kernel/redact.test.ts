import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DATA_CLASSES } from '../../../shared/kernel/contract.ts'
import { redacted } from '../../../shared/kernel/redact.ts'

describe('redaction', () => {
  it.each([
    ['card 4111 1111 1111 1111 please', 'card [card number] please'],
    ['card 4111-1111-1111-1111', 'card [card number]'],
    ['pay DE89 3704 0044 0532 0130 00 now', 'pay [account number] now'],
    ['pay GB82WEST12345698765432', 'pay [account number]'],
    ['write to ana.lopez+site@example.co.uk today', 'write to [e-mail address] today'],
    ['call +44 20 7946 0958.', 'call [telephone number].'],
    ['call 0049 (0)30 901820', 'call [telephone number]'],
    ['call 030 901820', 'call [telephone number]'],
  ])('masks what identifies: %s', (text, kept) => {
    expect(redacted({ text: [text] }, 'internal')).toEqual({ text: [kept] })
  })

  it.each([
    'part 4111111111111112 is no card',
    'serial 0123456789 of pump 7',
    'asset GB82 WEST 1234 5698 7654 33',
    'the reading is 0.035 bar at 12:30',
    'wo-1042 on 2026-06-01',
    'at @noon',
  ])('leaves alone what does not: %s', (text) => {
    expect(redacted(text, 'personal')).toBe(text)
  })

  it('keeps nothing that is restricted', () => {
    expect(redacted({ anything: 1 }, 'restricted')).toBeNull()
  })

  it('changes no other value, and gives up on no text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...DATA_CLASSES.slice(0, 3)), (value, dataClass) => {
        const kept = redacted(value as never, dataClass)
        expect(redacted(kept, dataClass)).toEqual(kept)
      }),
    )
    const long = `${'a.'.repeat(100_000)}@`
    expect(redacted(long, 'personal')).toBe(long)
    const digits = '0 '.repeat(100_000)
    expect(typeof redacted(digits, 'personal')).toBe('string')
  })
})
