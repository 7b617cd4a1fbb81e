import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { delexicalised } from '../../../edge-agent/intent/delexicalise.ts'
import { expanded, wordsOf } from '../../../edge-agent/intent/normalise.ts'
import { SpokenNames } from '../../../edge-agent/intent/spoken-names.ts'
import { calibrationError, reliability } from '../../../edge-agent/models/training/intent/figures.ts'
import { trainingSentences } from '../../../edge-agent/models/training/intent/sentences.ts'
import { SEED } from '../../../edge-agent/models/training/intent/recipe.ts'
import { FREE_TEXTS } from '../../../edge-agent/models/training/intent/names.ts'
import { walker } from '../../../edge-agent/models/training/walks.ts'
import { seededRandom } from '../../../edge-agent/domain-build/random.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import { SAMPLE_NAMES } from '../intent/known-names.ts'

/** Of each held-out template. */
const WALKS = 16
const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')
const domain = parseDomain(read('edge-agent/domains/field-service.yaml'))
const bank = parseDomain(read('edge-agent/models/training/intent/bank.yaml'))
const paraphrases = read('test/bench/intent/paraphrases.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { text: string; intent: string })
const outside = read('test/bench/intent/out-of-scope.txt').trim().split('\n')

describe('what the intent model is taught', () => {
  it('holds no sentence that it is measured on', () => {
    const spoken = new SpokenNames(domain, SAMPLE_NAMES)
    const taught = new Set(trainingSentences(SEED).map(({ tokens }) => tokens.join(' ')))
    expect(taught.size).toBeGreaterThan(5_000)
    const tokens = (text: string): string => delexicalised(expanded(wordsOf(text)), spoken).join(' ')
    expect(
      [...paraphrases.map(({ text }) => text), ...outside].filter((text) => taught.has(tokens(text))),
    ).toEqual([])
  })

  it('holds no template that a measured paraphrase is a walk of', () => {
    const matcher = new TextMatcher(compileDomain(bank, SAMPLE_NAMES))
    const walked = paraphrases.filter(({ text, intent }) =>
      [wordsOf(text), expanded(wordsOf(text))].some((words) => {
        const match = matcher.match(words)
        return match !== null && (match.openWords === 0 || intent === 'note.record')
      }),
    )
    expect(walked).toEqual([])
  })

  it('holds no template that a held-out template has walks in common with', () => {
    const held = parseDomain(read('test/bench/intent/held-out-templates.yaml'))
    const matcher = new TextMatcher(compileDomain(bank, SAMPLE_NAMES))
    const random = seededRandom(1)
    let walked = 0
    const shared = held.intents.flatMap((intent) =>
      intent.templates.flatMap((template) => {
        const walk = walker(
          compileDomain({ ...held, intents: [{ ...intent, templates: [template] }] }, SAMPLE_NAMES),
          () => random.next(),
          () => random.pick(FREE_TEXTS) ?? '',
        )
        const texts = Array.from({ length: WALKS }, () => walk() ?? '').filter((text) => text !== '')
        walked += texts.length
        return texts.filter((text) => {
          const match = matcher.match(wordsOf(text))
          return match !== null && (match.openWords === 0 || intent.name === 'note.record')
        })
      }),
    )
    expect(walked).toBeGreaterThan(500)
    expect(shared).toEqual([])
  })

  it('comes out the same by the same seed, and otherwise by another', () => {
    const first = trainingSentences(1)
    expect(trainingSentences(1)).toEqual(first)
    expect(trainingSentences(2)).not.toEqual(first)
  })
})

describe('calibration', () => {
  it('is the gap between confidence and what is right, bin by bin', () => {
    const all = (confidence: number, right: number, wrong: number) => [
      ...Array.from({ length: right }, () => ({ confidence, isRight: true })),
      ...Array.from({ length: wrong }, () => ({ confidence, isRight: false })),
    ]
    expect(calibrationError(all(0.75, 3, 1))).toBeCloseTo(0)
    expect(calibrationError([...all(0.95, 1, 1), ...all(0.5, 1, 1)])).toBeCloseTo(0.225)
    expect(reliability(all(1, 2, 0))).toEqual([{ count: 2, confidence: 1, right: 1 }])
    expect(calibrationError([])).toBe(0)
  })
})
