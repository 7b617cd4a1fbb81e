import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalText, NotCanonical } from '../../shared/canonical.ts'
import type { Json } from '../../shared/json.ts'

describe('canonical JSON', () => {
  it('gives the bytes of the example of RFC 8785, section 3.2.3', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27],
      literals: [null, true, false],
    }
    expect(canonicalText(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    )
  })

  it('sorts keys by UTF-16 code units', () => {
    expect(
      canonicalText({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, ö: 7 }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}')
  })

  it('is the same for any order of keys, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (entries) => {
        const turned = Object.fromEntries(Object.entries(entries).reverse())
        expect(canonicalText(turned)).toBe(canonicalText(entries))
        expect(JSON.parse(canonicalText(entries)) as Json).toEqual({ ...entries })
      }),
    )
  })

  it('refuses what JSON cannot carry', () => {
    expect(() => canonicalText(Number.NaN)).toThrow(NotCanonical)
    expect(() => canonicalText('\ud800')).toThrow(NotCanonical)
    expect(() => canonicalText(new Date(0) as unknown as Json)).toThrow(NotCanonical)
  })
})
