import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadSegment, decodeSegment } from '../../../shared/wire/segment.ts'

describe('a segment’s bytes', () => {
  it('are either a segment or refused by name, whatever they are', () => {
    const headed = fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.from('SLS1'), rest]))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), headed), (bytes) => {
        expect(() => decodeSegment(bytes)).toThrow(BadSegment)
      }),
    )
  })
})
