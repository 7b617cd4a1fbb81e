import { expect, it } from 'vitest'
import fc from 'fast-check'
import { chunksOf, MAX_CHUNK_LENGTH } from '../../../edge-agent/search/chunks.ts'

const MANUAL = `Read this first. It is short.

# Pump

It moves water.

## Starting

${'Open the valve and wait until the line is full. '.repeat(5)}

## Stopping

${'Close the valve slowly, so that nothing bangs. '.repeat(5)}`

it('cuts at headings and names the ones above', () => {
  expect(chunksOf('Manual', MANUAL).map(({ heading, place }) => [heading, place])).toEqual([
    ['', 0],
    ['Pump', 1],
    ['Pump › Starting', 2],
    ['Pump › Stopping', 3],
  ])
})

it('puts headings of one level beside each other, whatever is above them', () => {
  const text = '## One\n\nText.\n\n## Two\n\nText.\n\n#### Deep\n\nText.\n\n### Less\n\nText.'
  expect(chunksOf('T', text).map(({ heading }) => heading)).toEqual([
    'One',
    'Two',
    'Two › Deep',
    'Two › Less',
  ])
})

it('keeps the ids of what did not change', () => {
  const before = chunksOf('Manual', MANUAL)
  const after = chunksOf('Manual', MANUAL.replace('It moves water.', 'It moves feed water.'))
  expect(after.map(({ id }, at) => id === before[at]?.id)).toEqual([true, false, true, true])
})

it('gives a paragraph that stands twice two ids', () => {
  const text = `${'The same words again. '.repeat(20)}\n\n`.repeat(2)
  const ids = chunksOf('Manual', text).map(({ id }) => id)
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(2)
})

it('gives another id under another title, which is embedded with the words', () => {
  const [one] = chunksOf('Pump', 'It drips.')
  const [other] = chunksOf('Valve', 'It drips.')
  expect(one?.id).not.toBe(other?.id)
})

it('loses no word, exceeds no limit and repeats itself, whatever is written', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}[.:]?$/), { maxLength: 400 })
  fc.assert(
    fc.property(fc.array(words, { maxLength: 6 }), (paragraphs) => {
      const text = paragraphs.map((paragraph) => paragraph.join(' ')).join('\n\n')
      const chunks = chunksOf('T', text)
      expect(chunks.map((chunk) => chunk.text).join(' ')).toBe(text.split(/\s+/).filter(Boolean).join(' '))
      for (const chunk of chunks) expect(chunk.text.length).toBeLessThanOrEqual(MAX_CHUNK_LENGTH)
      expect(chunksOf('T', text)).toEqual(chunks)
    }),
    { numRuns: 60 },
  )
})

it('cuts a word that is longer than a chunk', () => {
  expect(chunksOf('T', 'x'.repeat(2 * MAX_CHUNK_LENGTH + 5)).map(({ text }) => text.length)).toEqual([
    MAX_CHUNK_LENGTH,
    MAX_CHUNK_LENGTH,
    5,
  ])
})
