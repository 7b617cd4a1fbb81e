/**
 * A text as words, the way that the grammar and the classifier read it: lower case, no punctuation, digits apart from letters,
 * signs and abbreviated units written out. A number is never split or robbed of its sign, since its value is acted on.
 */
import { StarlingError } from '../../shared/errors.ts'
import { TracedText } from './traced-text.ts'

/** A long dictated note; more is not one wish. */
export const MAX_TEXT_CHARS = 4_000
export const MAX_WORDS = 400

export class TextRefused extends StarlingError {
  override readonly code = 'text_refused'
}

/** A word, and the characters of the text that it came from; two words may come from the same ones. */
export interface Token {
  readonly word: string
  readonly start: number
  readonly end: number
}

/** Empty for a text without a word. Throws {@link TextRefused} for one that is too long. */
export function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_TEXT_CHARS) throw tooLong(`${text.length} characters`)
  const traced = numbersWritten(TracedText.normalised(text)).replace(/[’‘`]/g, () => "'")
  const tokens: Token[] = []
  for (const { 0: found, index } of traced.text.matchAll(/\d+(?:\.\d+)?|[\p{L}]+(?:'[\p{L}]+)*/gu)) {
    const place = traced.originalOf(index, index + found.length)
    const word = found.toLowerCase()
    for (const one of word === 'wo' ? ['work', 'order'] : [word]) tokens.push({ word: one, ...place })
  }
  if (tokens.length > MAX_WORDS) throw tooLong(`${tokens.length} words`)
  return tokens
}

/** As {@link tokensOf}, the words alone. */
export function wordsOf(text: string): readonly string[] {
  return tokensOf(text).map(({ word }) => word)
}

/** `-4.5°C` as "minus 4.5 degrees", `1,450 rpm` as "1450 revolutions per minute", `.5` as "0.5". */
function numbersWritten(text: TracedText): TracedText {
  return text
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, () => '')
    .replace(/(?<![\d.,])(\d+),(\d{1,2})(?![\d,])/g, ([, whole, decimals]) => `${whole}.${decimals}`)
    .replace(/(?<![\p{L}\d.])\.(?=\d)/gu, () => '0.')
    .replace(/(?<![\p{L}\d])[-−–](?=\d)/gu, () => ' minus ')
    .replace(TYPED_UNIT, ([all, gap = '', unit = '']) => {
      // "2 a" is no current: a letter apart is a unit only as it is printed on a plate.
      if (gap !== '' && /^[a-z]$/.test(unit)) return all
      return `${gap === '' ? ' ' : gap}${UNITS.get(unit.toLowerCase()) ?? unit}`
    })
}

const UNITS: ReadonlyMap<string, string> = new Map([
  ['°c', 'degrees'],
  ['° c', 'degrees'],
  ['°', 'degrees'],
  ['c', 'degrees'],
  ['v', 'volts'],
  ['a', 'amps'],
  ['kpa', 'kilopascals'],
  ['mm', 'millimetres'],
  ['l/s', 'litres per second'],
  ['l/min', 'litres per minute'],
  ['hz', 'hertz'],
  ['kw', 'kilowatts'],
  ['rpm', 'revolutions per minute'],
  ['%', 'percent'],
  ['h', 'hours'],
])
/** The longer unit first; a unit ends where no letter follows. NFKC has made `°C` of ℃ already. */
const TYPED_UNIT = new RegExp(
  `(?<=\\d)(\\s*)(${[...UNITS.keys()].toSorted((a, b) => b.length - a.length).join('|')})(?![\\p{L}\\d'])`,
  'giu',
)

const CONTRACTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ["can't", ['can', 'not']],
  ['cannot', ['can', 'not']],
  ["won't", ['will', 'not']],
  ["let's", ['let', 'us']],
])
const ENDINGS: ReadonlyMap<string, string> = new Map([
  ["n't", 'not'],
  ["'m", 'am'],
  ["'s", 'is'],
  ["'re", 'are'],
  ["'ve", 'have'],
  ["'ll", 'will'],
  ["'d", 'would'],
])

/** "don't" as "do not": one form for what people write in two. */
export function expanded(words: readonly string[]): readonly string[] {
  return words.flatMap(expandedWord)
}

/** The same of tokens: both words stand where the one stood. */
export function expandedTokens(tokens: readonly Token[]): readonly Token[] {
  return tokens.flatMap((token) => expandedWord(token.word).map((word) => ({ ...token, word })))
}

function expandedWord(word: string): readonly string[] {
  const whole = CONTRACTIONS.get(word)
  if (whole !== undefined) return whole
  for (const [ending, full] of ENDINGS)
    if (word.endsWith(ending) && word.length > ending.length) return [word.slice(0, -ending.length), full]
  return [word]
}

const BEFORE: ReadonlySet<string> = new Set(
  'um uh erm er ah oh ok okay right well so alright yeah hey hi hello please and then just now sorry wait actually'.split(
    ' ',
  ),
)
const AFTER: ReadonlySet<string> = new Set(
  'please now thanks thank you then okay ok mate for me today'.split(' '),
)

/** Without what people say before and after a wish. Empty when nothing else is said. */
export function trimmed(tokens: readonly Token[]): readonly Token[] {
  let from = 0
  while (from < tokens.length && BEFORE.has(tokens[from]?.word ?? '')) from += 1
  let to = tokens.length
  while (to > from && AFTER.has(tokens[to - 1]?.word ?? '')) to -= 1
  return tokens.slice(from, to)
}

function tooLong(found: string): TextRefused {
  return new TextRefused(`a text of ${found} was not read`, {
    remedy: `Send one wish at a time: at most ${MAX_WORDS} words.`,
  })
}
