import { describe, expect, test } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher, type TextMatch } from '../../../edge-agent/grammar/match-text.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'

const KETTLE = `context:
  expressions:
    setLight:
      - "[turn, switch] (all) (the) $where:place [light, lights] $state:state"
      - "@polite make (it, the light) $color:color"
      - "from $color:from to $color:to"
    setTimer:
      - "set a timer (for) $pv.TwoDigitInteger:minutes [minute, minutes (and a half)]"
      - "in the $time:place I'd like tea"
  slots:
    where: [Living Room, kitchen]
    state: ["on", "off"]
    color: [red, dark green]
    time: [morning]
  macros:
    polite: [please, "would you (kindly)"]
`

const matcher = new TextMatcher(
  compileDomain(parseDomain(KETTLE, '/tmp/Kettle 2.yml'), { assets: [], parts: [], workOrders: [] }),
)
const read = (text: string): Pick<TextMatch, 'intent' | 'slots'> | null => {
  const match = matcher.match(wordsOf(text))
  return match === null ? null : { intent: match.intent, slots: match.slots }
}

describe('command expressions', () => {
  test('are read as a domain with the file’s name', () => {
    const domain = parseDomain(KETTLE, '/tmp/Kettle 2.yml')
    expect(domain.name).toBe('kettle-2')
    expect(domain.intents.map(({ name, phrase }) => [name, phrase])).toEqual([
      ['setLight', 'set light'],
      ['setTimer', 'set timer'],
    ])
  })

  test.each([
    [
      'switch the living room lights off',
      { intent: 'setLight', slots: { place: 'Living Room', state: 'off' } },
    ],
    ['turn all kitchen light on', { intent: 'setLight', slots: { place: 'kitchen', state: 'on' } }],
    ['would you make the light dark green', { intent: 'setLight', slots: { color: 'dark green' } }],
    ['please make red', { intent: 'setLight', slots: { color: 'red' } }],
    ['from red to dark green', { intent: 'setLight', slots: { from: 'red', to: 'dark green' } }],
    ['set a timer for twenty one minutes and a half', { intent: 'setTimer', slots: { minutes: '21' } }],
    // One name that stands for two kinds of thing.
    ["in the morning i'd like tea", { intent: 'setTimer', slots: { place: 'morning' } }],
  ])('read %s', (text, meaning) => {
    expect(read(text)).toEqual(meaning)
  })

  test.each([
    'turn the lights on',
    'please switch the kitchen lights off',
    'set a timer minutes',
    'make red',
  ])('do not read %s', (text) => {
    expect(read(text)).toBeNull()
  })

  test.each([
    ['an undefined slot', '$state:state"', '$stat:state"', '4:66: there is no slot “stat”'],
    ['an undefined macro', '@polite', '@polit', '5:10: there is no macro “polit”'],
    ['an open bracket', '[light, lights]', '[light, lights', '4:50: “[” is never closed'],
    ['an empty alternative', '[turn, switch]', '[turn, ]', '4:17: a part of the expression is empty'],
    ['a comma outside', 'from $color', 'from, $color', '6:14: “,” belongs to nothing'],
    ['a word that nobody says', 'set a timer', 'set & timer', '8:14: “&” cannot be said'],
    ['an empty slot', '    time: [morning]', '    time: []', '14:11: time: at least one must be here'],
    ['a macro within itself', '[please, ', '["@polite", ', '16:13: the phrase “polite” names itself'],
    ['an unknown key', '  macros:', '  makros:', '15:3: “makros” is not known here'],
  ])('%s is refused at its place', (_what, from, to, message) => {
    expect(KETTLE).toContain(from)
    expect(() =>
      parseDomain(
        KETTLE.replace(from, () => to),
        'k.yaml',
      ),
    ).toThrow(`k.yaml:${message}`)
  })
})
