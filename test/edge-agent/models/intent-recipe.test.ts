import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { joined, logits, type IntentNet } from '../../../edge-agent/domain-build/intent-net.ts'
import { seededRandom } from '../../../edge-agent/domain-build/random.ts'
import { calibrationError, reliability } from '../../../edge-agent/models/training/intent/figures.ts'
import { digestOfTokens, HELD_BACK } from '../../../edge-agent/models/training/intent/held-back.ts'
import { taughtTexts } from '../../../edge-agent/models/training/intent/learning.ts'
import { SEED } from '../../../edge-agent/models/training/intent/recipe.ts'
import { TAUGHT_DOMAINS, trainingSentences } from '../../../edge-agent/models/training/intent/sentences.ts'
import { packageRoot } from '../../../shared/package-root.ts'
import {
  heldOutTemplates,
  measuredDigests,
  readOutOfScope,
  readParaphrases,
  walkReader,
} from '../../bench/intent-held-out.ts'

/** Of each held-out template: twice as many as are measured. */
const WALKS = 16
/** Two whole makings of the sentences, on a busy machine. */
const MOST_MS = 240_000
const sentences = trainingSentences(SEED)

// What fails here is told by a count or a digest: nobody who writes wordings should have read what they are measured on.
describe('what the intent model is taught', () => {
  it('holds back, by digest, all that the benchmark measures', () => {
    expect(heldOutTemplates().flatMap(({ texts }) => texts).length).toBeGreaterThan(500)
    const held = readFileSync(new URL(HELD_BACK, packageRoot()), 'utf8').trim().split('\n')
    // In step again: write measuredDigests(), a line each, into the file.
    expect(held).toEqual(measuredDigests())
  })

  it('holds no text that is measured, nor as what speakers make of another', () => {
    const measured = new Set(measuredDigests())
    const taught = taughtTexts(sentences, seededRandom(SEED))
    expect(sentences.length).toBeGreaterThan(5_000)
    expect(taught.length).toBeGreaterThan(sentences.length)
    expect(taught.filter(({ tokens }) => measured.has(digestOfTokens(tokens))).length).toBe(0)
  })

  it('holds no template that a measured paraphrase, or a sentence that wants nothing, is a walk of', () => {
    const isRead = walkReader(TAUGHT_DOMAINS.slice(1))
    expect(readParaphrases().filter(({ text }) => isRead(text)).length).toBe(0)
    expect(readOutOfScope().filter(isRead).length).toBe(0)
  })

  it('holds no template that a held-out template has walks in common with', () => {
    const isRead = walkReader(TAUGHT_DOMAINS.slice(1))
    const measured = heldOutTemplates().flatMap(({ texts }) => texts)
    const further = heldOutTemplates(WALKS).flatMap(({ texts }) => texts)
    expect(further.length).toBeGreaterThan(measured.length)
    expect([...measured, ...further].filter(isRead).length).toBe(0)
  })

  it(
    'comes out the same by the same seed, and otherwise by another',
    () => {
      // As text: comparing so many sentences one by one takes a minute.
      const text = (seed: number): string => JSON.stringify(trainingSentences(seed))
      expect(text(SEED) === JSON.stringify(sentences)).toBe(true)
      expect(text(SEED + 1) === JSON.stringify(sentences)).toBe(false)
    },
    MOST_MS,
  )
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

describe('nets joined to one', () => {
  it('give the mean of what each gives', () => {
    const random = seededRandom(3)
    const some = (length: number): Float32Array => Float32Array.from({ length }, () => random.next() - 0.5)
    const net = (hidden: number): IntentNet => ({
      buckets: 7,
      hidden,
      classes: 3,
      w1: some(7 * hidden),
      b1: some(hidden),
      w2: some(hidden * 3),
      b2: some(3),
    })
    const [first, second] = [net(4), net(5)]
    const features = { index: Int32Array.from([0, 3, 6]), value: Float32Array.from([0.5, 1, -2]) }
    const [a, b] = [logits(first, features), logits(second, features)]
    const both = joined([first, second])
    expect(both.hidden).toBe(9)
    logits(both, features).forEach((value, at) =>
      expect(value).toBeCloseTo(((a[at] ?? 0) + (b[at] ?? 0)) / 2, 5),
    )
  })
})
