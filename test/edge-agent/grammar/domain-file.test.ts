import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain, readDomainFile } from '../../../edge-agent/grammar/domain-file.ts'
import { DomainRefused } from '../../../edge-agent/grammar/domain-refused.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'

const NO_NAMES = { assets: [], parts: [], workOrders: [] }

const LAMPS = `domain: lamps
version: 2
thresholds: { act: 0.8, ask: 0.5 }
phrases:
  lamp: "(lamp | light)"
slots:
  room: { type: list, values: { kitchen: [galley], hall: } }
  level: { type: number, from: 0, to: 10 }
  text: { type: text }
intents:
  lamp.on:
    templates: ["turn on the [{room}] <lamp>"]
  lamp.dim:
    phrase: dim a lamp
    required: [level]
    thresholds: { act: 0.95 }
    templates:
      - "dim the {room} <lamp> to {level}"
      - "copy {room:from} to {room:to}"
  note:
    effectful: false
    templates: ["note {text}"]
pronunciations:
  galley: [G AE L IY, G AO L IY]
`

describe('a domain file', () => {
  test('is read with its intents, slots, thresholds and pronunciations', () => {
    const domain = parseDomain(LAMPS)
    expect(domain).toMatchObject({
      name: 'lamps',
      version: '2.0.0',
      polite: true,
      slots: {
        room: { type: 'list', values: { kitchen: ['galley'], hall: [] } },
        level: { type: 'number', range: { from: 0, to: 10 } },
      },
      pronunciations: { galley: ['G AE L IY', 'G AO L IY'] },
    })
    expect(
      domain.intents.map(({ name, effectful, phrase, thresholds }) => ({
        name,
        effectful,
        phrase,
        thresholds,
      })),
    ).toEqual([
      { name: 'lamp.on', effectful: true, phrase: 'lamp on', thresholds: { act: 0.8, ask: 0.5 } },
      { name: 'lamp.dim', effectful: true, phrase: 'dim a lamp', thresholds: { act: 0.95, ask: 0.5 } },
      { name: 'note', effectful: false, phrase: 'note', thresholds: { act: 0.8, ask: 0.5 } },
    ])
  })

  test('gives two slots of one kind a name each', () => {
    const matcher = new TextMatcher(compileDomain(parseDomain(LAMPS), NO_NAMES))
    expect(matcher.match(wordsOf('copy galley to hall'))).toMatchObject({
      intent: 'lamp.dim',
      slots: { from: 'kitchen', to: 'hall' },
    })
  })

  test('is named in its errors by its path', () => {
    const folder = mkdtempSync(join(tmpdir(), 'domain-'))
    try {
      const path = join(folder, 'broken.yaml')
      writeFileSync(path, LAMPS.replace('<lamp> to', '<lampe> to'))
      expect(() => readDomainFile(path)).toThrow(`${path}:18:25: there is no phrase “lampe”`)
      expect(() => readDomainFile(join(folder, 'absent.yaml'))).toThrow(/absent\.yaml: it cannot be read/)
      writeFileSync(path, Buffer.from([0x64, 0x3a, 0xff]))
      expect(() => readDomainFile(path)).toThrow(/not text in UTF-8/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** What is wrong, from what, to what, and the place and words of the error. */
const REFUSALS: readonly (readonly [string, string, string, string])[] = [
  ['not YAML', 'slots:\n', 'slots: ]\n', '6:8'],
  ['an unknown key', 'version: 2', 'versoin: 2', '2:1: “versoin” is not known here'],
  [
    'an unknown key of an intent',
    'phrase: dim a lamp',
    'frase: dim a lamp',
    '14:5: “frase” is not known here',
  ],
  ['a missing key', '    templates: ["note {text}"]\n', '', '21:5: “templates” is missing'],
  ['a name that is none', '  lamp.on:', '  "lamp on":', '11:3: “lamp on”: a name has letters'],
  ['an undefined slot', 'the {room} <lamp>', 'the {rom} <lamp>', '18:18: there is no slot “rom”'],
  ['an undefined phrase', '[{room}] <lamp>', '[{room}] <lmap>', '12:39: there is no phrase “lmap”'],
  ['an unused phrase', 'phrases:\n', 'phrases:\n  spare: spare\n', '5:3: the phrase “spare” is not used'],
  ['an unused slot', 'slots:\n', 'slots:\n  spare: { type: text }\n', '7:3: the slot “spare” is not used'],
  ['a phrase within itself', '"(lamp | light)"', '"(lamp | <lamp>)"', '5:9: the phrase “lamp” names itself'],
  ['an empty list', '{ kitchen: [galley], hall: }', '{}', '7:9: the list “room” is empty'],
  ['a value twice', '{ kitchen: [galley], hall: }', '[hall, hall]', '7:38: “hall” is in the list twice'],
  ['a value that nobody can say', 'hall: }', 'hall: "?" }', '“?” cannot be said'],
  [
    'an unknown type',
    '{ type: text }',
    '{ type: texts }',
    '9:17: type: it is one of digits, number, count, text, datetime, list',
  ],
  ['a range upside down', 'from: 0, to: 10', 'from: 10, to: 0', '8:32: the range goes from 10 down to 0'],
  ['a range with one end', 'from: 0, to: 10', 'from: 0', '8:10: the range of “level” has one end'],
  ['an intent twice', '  note:\n', '  lamp.on:\n', '20:3: “lamp.on” is defined twice'],
  ['no intents', LAMPS.slice(LAMPS.indexOf('intents:')), 'intents: {}\n', 'the domain has no intents'],
  [
    'an intent without templates',
    '["note {text}"]',
    '[]',
    '22:16: templates: an intent needs at least one template',
  ],
  [
    'a required slot that nobody can say',
    'required: [level]',
    'required: [text]',
    '15:16: no template of lamp.dim has the slot “text”',
  ],
  ['a threshold over 1', 'act: 0.95', 'act: 95', '16:24: act: it is a number from 0 to 1'],
  ['ask above act', '{ act: 0.95 }', '{ act: 0.4, ask: 0.6 }', '16:17: ask (0.6) is above act (0.4)'],
  ['an unknown phone', 'G AO L IY', 'G OO L IY', '24:25: “OO” is not a phone'],
  [
    'a pronunciation of two words',
    '  galley: [',
    '  galley kitchen: [',
    '24:3: “galley kitchen” is not one word',
  ],
  ['an open bracket', 'the [{room}] <lamp>"]', 'the [{room} <lamp>"]', '12:30: “[” is never closed'],
  ['a bracket that closes nothing', '"dim the', '"dim) the', '18:13: “)” closes nothing'],
  ['an empty part', '(lamp | light)', '(lamp | )', '5:18: a part of the template is empty'],
  ['a number in digits', 'note {text}', 'note 5 {text}', '22:23: “5 {text}” is not part of a template'],
]

test.each(REFUSALS)('%s is refused at its place', (_what, from, to, message) => {
  const text = LAMPS.replace(from, () => to)
  expect(text).not.toBe(LAMPS)
  const refused = refusal(text)
  expect(refused.message).toContain(message)
  expect(refused.message).toMatch(/^lamps\.yaml:\d+:\d+: /)
  expect(refused.remedy.length).toBeGreaterThan(10)
})

test('the column is right in folded, quoted and escaped text', () => {
  const at = (template: string): string => {
    const { message } = refusal(`domain: x\nintents:\n  a:\n    templates:\n      - ${template}\n`)
    return message.slice('lamps.yaml:'.length).split(': ')[0] ?? ''
  }
  expect(at('turn <on>')).toBe('5:14')
  expect(at("'it''s <on>'")).toBe('5:16')
  expect(at('"caf\\u00e9 <on>"')).toBe('5:20')
  expect(at('>\n        turn\n        it <on>')).toBe('7:12')
  expect(at('|\n        turn <on>')).toBe('6:14')
})

test('a grammar that grows too large is refused without building it', () => {
  const phrases = Array.from(
    { length: 24 },
    (_, at) => `  p${at}: ${at === 0 ? 'word' : `<p${at - 1}> <p${at - 1}>`}`,
  )
  const text = `domain: x\nphrases:\n${phrases.join('\n')}\nintents:\n  a:\n    templates: [<p23>]\n`
  const shallow = text.replaceAll(/p(?:1[2-9]|2[0-3])/g, 'p11')
  expect(refusal(text).message).toMatch(/:28:3: the grammar is too large: about 8,388,608 arcs/)
  expect(refusal(shallow).message).toMatch(/is defined twice|names itself/)
})

function refusal(text: string): DomainRefused {
  try {
    parseDomain(text, 'lamps.yaml')
  } catch (thrown) {
    if (thrown instanceof DomainRefused) return thrown
    throw thrown
  }
  throw new Error('it was taken')
}
