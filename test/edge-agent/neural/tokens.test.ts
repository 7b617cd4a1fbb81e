import { describe, expect, it } from 'vitest'
import { ModelFileRefused } from '../../../edge-agent/neural/model-file-refused.ts'
import { readTokens, type Tokens } from '../../../edge-agent/neural/tokens.ts'

const tokens = (text: string, least: number | null = null): Tokens =>
  readTokens('tokens.txt', new TextEncoder().encode(text), least)
const words = (text: string, ids: readonly number[]): readonly string[] =>
  tokens(text)
    .words(ids)
    .map(({ text: word }) => word)

describe('tokens.txt', () => {
  it('puts pieces together to words at each "▁", and leaves markers out', () => {
    const file = '<blk> 0\n<unk> 1\n▁the 2\n▁val 3\nve 4\n'
    expect(words(file, [2, 3, 4, 1, 2])).toEqual(['the', 'valve', 'the'])
    expect(tokens(file).words([2, 3, 4])).toEqual([
      { text: 'the', from: 0, to: 1 },
      { text: 'valve', from: 1, to: 3 },
    ])
    expect(tokens(file).symbol(3)).toBe(' val')
  })

  it('takes "▁" alone and a line without a symbol for the space between words', () => {
    expect(words('<blank> 0\n▁ 1\na 2\nb 3\n', [2, 3, 1, 3])).toEqual(['ab', 'b'])
    expect(words('a 0\nb 1\n  2\n<blk> 3\n', [0, 1, 2, 1])).toEqual(['ab', 'b'])
  })

  it('makes characters of bytes, also across words', () => {
    const file = '<blk> 0\n<0xC3> 1\n<0xA9> 2\n▁caf 3\n<0x20> 4\n'
    expect(words(file, [3, 1, 2, 4, 3])).toEqual(['café', 'caf'])
  })

  it.each(['<blk>', '<blank>', '<eps>'])('finds the blank under the name %s', (name) => {
    expect(tokens(`a 0\n${name} 1\n`).blank).toBe(1)
  })

  it.each([
    ['no blank', 'a 0\nb 1\n', 'tokens-malformed'],
    ['a number twice', '<blk> 0\na 0\n', 'tokens-malformed'],
    ['no number', '<blk> 0\nabc\n', 'tokens-malformed'],
    ['a number beyond all vocabularies', '<blk> 0\na 999999\n', 'tokens-malformed'],
    ['too few symbols', '<blk> 0\na 1\n', 'tokens-mismatch'],
    ['a gap', '<blk> 0\na 2\nb 3\n', 'tokens-mismatch'],
  ])('refuses %s', (_what, text, reason) => {
    expect(() => tokens(text, 4)).toThrow(expect.objectContaining({ reason }) as Error)
  })

  it('refuses what is no text', () => {
    expect(() => readTokens('t', Uint8Array.from([0xff, 0xfe, 0x00]), null)).toThrow(ModelFileRefused)
  })
})
