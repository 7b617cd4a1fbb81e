/** Recordings of people as the recipe of the confidence reads them, and the domains that it makes of what they say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { lineDomain } from '../../../edge-agent/models/training/confidence/line-domains.ts'
import { recordedIn } from '../../../edge-agent/models/training/confidence/recorded.ts'
import { NAMES } from '../../../edge-agent/models/training/confidence/sayings.ts'
import { seeded } from '../../../shared/seeded.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-recorded-'))
  const rows = [
    { of: 'a-game', samples: 2, text: 'I had to INSPECT it.' },
    { of: 'a-game', samples: 3, text: 'Room 101!' },
    { of: 'children-da', samples: 1 },
    { of: 'a-game', samples: 1, text: 'one two three four five six seven eight nine ten eleven' },
  ]
  writeFileSync(join(folder, 'lines.json'), JSON.stringify(rows))
  const samples = Buffer.alloc(14)
  for (const [at, value] of [16_384, -32_768, 1, 2, 3, -1, 8_192].entries())
    samples.writeInt16LE(value, 2 * at)
  writeFileSync(join(folder, 'lines.i16'), samples)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('recordings of people', () => {
  it('are read each from its own place', () => {
    const all = recordedIn(folder, 'lines')
    expect(all.map(({ of }) => of)).toEqual(['a-game', 'a-game', 'children-da', 'a-game'])
    expect([...(all[0]?.samples() ?? [])]).toEqual([0.5, -1])
    expect([...(all[2]?.samples() ?? [])]).toEqual([-1 / 32_768])
    expect([...(all[3]?.samples() ?? [])]).toEqual([0.25])
  })

  it('say what is written in words, and nothing where numbers stand, or too many words', () => {
    expect(recordedIn(folder, 'lines').map(({ said }) => said)).toEqual(['i had to inspect it', '', '', ''])
  })
})

describe('a domain of lines', () => {
  const lines = ["what's that supposed to be", 'open up that control panel', 'never mind', "who's there"]
  const vocabulary = ['yes', 'no', 'on', "don't", 'panel', 'mind', 'null', 'elevator', 'that']

  it('holds each of them as a command of its own, whatever its rivals are', () => {
    const kinds = { rivals: 0, open: 0 }
    for (let seed = 1; seed <= 60; seed++) {
      const domain = lineDomain('lines', lines, vocabulary, seeded(seed))
      const matcher = new TextMatcher(compileDomain(domain, NAMES))
      for (const [at, line] of lines.entries())
        expect(matcher.match(line.split(' '))?.intent).toBe(`line.n${at}`)
      const specs = Object.values(domain.slots)
      if (specs.some(({ type }) => type === 'list')) kinds.rivals++
      if (specs.some(({ type }) => type === 'text')) kinds.open++
    }
    expect(kinds.rivals).toBeGreaterThan(20)
    expect(kinds.open).toBeGreaterThan(5)
  })

  it('means another value when a rival is said', () => {
    const found = Array.from({ length: 40 }, (_, seed) => {
      const matcher = new TextMatcher(
        compileDomain(lineDomain('lines', ['never mind'], ['elevator'], seeded(seed)), NAMES),
      )
      return matcher.match(['never', 'elevator'])?.slots
    })
    expect(
      found.filter((slots) => slots !== undefined && Object.values(slots).includes('elevator')).length,
    ).toBeGreaterThan(3)
  })
})
