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
import { packageRoot } from '../../../shared/package-root.ts'
import { SAMPLE_NAMES } from '../intent/known-names.ts'

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
