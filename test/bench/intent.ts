/**
 * Understanding as the device runs it: the domain's grammar with the classifier beside it, on sentences that neither was made
 * from. What each row is of is in test/bench/intent/README.md.
 */
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { openClassifier } from '../../edge-agent/intent/classifier.ts'
import { delexicalised } from '../../edge-agent/intent/delexicalise.ts'
import { featuresOf, USUAL_BUCKETS } from '../../edge-agent/intent/features.ts'
import { expanded, wordsOf } from '../../edge-agent/intent/normalise.ts'
import { SpokenNames } from '../../edge-agent/intent/spoken-names.ts'
import type { MeantBy, Understanding } from '../../edge-agent/intent/understanding.ts'
import { OUT_OF_SCOPE } from '../../edge-agent/intent/wish.ts'
import {
  calibrationError,
  reliability,
  type Certain,
} from '../../edge-agent/models/training/intent/figures.ts'
import { SEED as TRAINING_SEED } from '../../edge-agent/models/training/intent/recipe.ts'
import { trainingSentences } from '../../edge-agent/models/training/intent/sentences.ts'
import { MODEL_FOLDERS } from '../../edge-agent/models/shipped.ts'
import { openShippedUnderstanding } from '../edge-agent/intent/intent-bundle.ts'
import { SAMPLE_NAMES } from '../edge-agent/intent/known-names.ts'
import { breathRows, type Paraphrase } from './intent-breath.ts'
import { heldOutTemplates, readOutOfScope, readParaphrases, taughtReader } from './intent-held-out.ts'
import { quantile, type BenchReport, type BenchRow } from './report.ts'

/** The share of wishes that may be lost when the rest is judged. */
const REJECTED_IN_SCOPE = 0.05
const ACT = 0.75
const WARM_UP = 200

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const understanding = await openShippedUnderstanding()
  try {
    progress('walking templates that nothing was taught from')
    const templates = await heldOutRows(understanding)
    progress('reading paraphrases and sentences that want nothing')
    const paraphrases = readParaphrases()
    const [meant, foreign]: [MeantBy[], MeantBy[]] = [[], []]
    for (const { text } of paraphrases) meant.push(await understanding.understand(text, SAMPLE_NAMES))
    for (const text of readOutOfScope()) foreign.push(await understanding.understand(text, SAMPLE_NAMES))
    progress('taking the time')
    return {
      bench: 'intent',
      rows: [
        ...templates,
        ...paraphraseRows(paraphrases, meant),
        ...(await breathRows(understanding, paraphrases)),
        ...outsideRows(meant, foreign),
        ...confidenceRows(paraphrases, meant, foreign),
        ...(await costRows(understanding, paraphrases)),
        ...modelRows(),
      ],
    }
  } finally {
    await understanding.close()
  }
}

async function heldOutRows(understanding: Understanding): Promise<readonly BenchRow[]> {
  const isTaught = taughtReader(trainingSentences(TRAINING_SEED))
  const [shares, untaughtShares]: [number[], number[]] = [[], []]
  let [sentences, untaughtSentences] = [0, 0]
  for (const { intent, texts } of heldOutTemplates()) {
    const judged: { readonly isRight: boolean; readonly isTaught: boolean }[] = []
    for (const text of texts) {
      const meant = await understanding.understand(text, SAMPLE_NAMES)
      judged.push({ isRight: meant.intent === intent, isTaught: isTaught(text) })
    }
    const untaught = judged.filter((one) => !one.isTaught)
    sentences += judged.length
    untaughtSentences += untaught.length
    shares.push(rightOf(judged))
    if (untaught.length > 0) untaughtShares.push(rightOf(untaught))
  }
  return [
    {
      name: `held-out templates (${shares.length}), intent right`,
      value: mean(shares),
      unit: 'share',
      goal: { op: '>=', value: 0.97 },
    },
    { name: 'held-out templates, sentences walked', value: sentences, unit: 'sentences' },
    {
      name: `of them those that no taught template walks (${untaughtSentences}), intent right`,
      value: mean(untaughtShares),
      unit: 'share',
      goal: { op: '>=', value: 0.97 },
    },
  ]
}

function rightOf(judged: readonly { readonly isRight: boolean }[]): number {
  return judged.filter(({ isRight }) => isRight).length / Math.max(1, judged.length)
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / Math.max(1, values.length)
}

function paraphraseRows(paraphrases: readonly Paraphrase[], meant: readonly MeantBy[]): readonly BenchRow[] {
  const intentRight = paraphrases.filter(({ intent }, at) => meant[at]?.intent === intent)
  const allRight = paraphrases.filter(
    ({ intent, slots }, at) =>
      meant[at]?.intent === intent && isDeepStrictEqual({ ...meant[at]?.slots }, slots),
  )
  const share = (some: readonly unknown[]): number => some.length / paraphrases.length
  return [
    {
      name: `paraphrases (${paraphrases.length}), intent right`,
      value: share(intentRight),
      unit: 'share',
      goal: { op: '>=', value: 0.9 },
    },
    { name: 'paraphrases, intent and every slot right', value: share(allRight), unit: 'share' },
    {
      name: 'paraphrases that the grammar reads',
      value: share(meant.filter(({ route }) => route === 'grammar')),
      unit: 'share',
    },
    {
      name: 'paraphrases wrongly understood and sure enough to act',
      value: share(meant.filter((one, at) => isSure(one) && one.intent !== paraphrases[at]?.intent)),
      unit: 'share',
    },
  ]
}

function outsideRows(meant: readonly MeantBy[], foreign: readonly MeantBy[]): readonly BenchRow[] {
  const threshold = quantile(meant.map(inScope), REJECTED_IN_SCOPE)
  const rejected = foreign.filter((one) => inScope(one) < threshold)
  return [
    {
      name: `out of scope (${foreign.length}), recall at 5 % rejection`,
      value: rejected.length / foreign.length,
      unit: 'share',
      goal: { op: '>=', value: 0.8 },
    },
    {
      name: 'out of scope, sure enough to act',
      value: foreign.filter(isSure).length / foreign.length,
      unit: 'share',
    },
  ]
}

/** How much speaks for a wish of ours, of whatever kind. */
function inScope({ intent, confidence }: MeantBy): number {
  return intent === OUT_OF_SCOPE ? 1 - confidence : confidence
}

function isSure({ intent, confidence }: MeantBy): boolean {
  return intent !== OUT_OF_SCOPE && confidence >= ACT
}

function confidenceRows(
  paraphrases: readonly Paraphrase[],
  meant: readonly MeantBy[],
  foreign: readonly MeantBy[],
): readonly BenchRow[] {
  const certain: Certain[] = [
    ...meant.map(({ intent, confidence }, at) => ({
      confidence,
      isRight: intent === paraphrases[at]?.intent,
    })),
    ...foreign.map(({ intent, confidence }) => ({ confidence, isRight: intent === OUT_OF_SCOPE })),
  ]
  return [
    { name: 'expected calibration error, both sets', value: calibrationError(certain), unit: 'share' },
    ...reliability(certain).map(({ count, confidence, right }) => ({
      name: `  right where confidence is ${confidence.toFixed(2)} (${count})`,
      value: right,
      unit: 'share',
      baseline: confidence,
    })),
  ]
}

async function costRows(
  understanding: Understanding,
  paraphrases: readonly Paraphrase[],
): Promise<readonly BenchRow[]> {
  const classifier = await openClassifier(fileURLToPath(MODEL_FOLDERS.intent))
  const names = new SpokenNames(understanding.domain, SAMPLE_NAMES)
  const { buckets = USUAL_BUCKETS } = shippedCard()
  const [one, whole, runtime, read, hashed]: [number[], number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
    [],
  ]
  try {
    for (let round = 0; round < WARM_UP + 5 * paraphrases.length; round += 1) {
      const text = paraphrases[round % paraphrases.length]?.text ?? ''
      const began = performance.now()
      const tokens = delexicalised(expanded(wordsOf(text)), names)
      const readMs = performance.now() - began
      const { runtimeMs } = await classifier.classify(tokens)
      const classified = performance.now()
      await understanding.understand(text, SAMPLE_NAMES)
      const understood = performance.now()
      if (round < WARM_UP) continue
      one.push(classified - began)
      runtime.push(runtimeMs)
      read.push(readMs)
      const beforeHashing = performance.now()
      featuresOf(tokens, buckets)
      hashed.push(performance.now() - beforeHashing)
      whole.push(understood - classified)
    }
  } finally {
    await classifier.close()
  }
  return [
    {
      name: 'one classification, text to intents, p95',
      value: quantile(one, 0.95),
      unit: 'ms',
      goal: { op: '<=', value: 2 },
    },
    { name: 'one classification, text to intents, p50', value: quantile(one, 0.5), unit: 'ms' },
    { name: 'of it words, numbers and names, p50', value: quantile(read, 0.5), unit: 'ms' },
    { name: 'of it hashing, p50', value: quantile(hashed, 0.5), unit: 'ms' },
    { name: 'of it in ONNX Runtime, p50', value: quantile(runtime, 0.5), unit: 'ms' },
    { name: 'a whole understanding, p50', value: quantile(whole, 0.5), unit: 'ms' },
    { name: 'a whole understanding, p95', value: quantile(whole, 0.95), unit: 'ms' },
  ]
}

function shippedCard(): { readonly figures: Record<string, number>; readonly buckets?: number } {
  const folder = fileURLToPath(MODEL_FOLDERS.intent)
  return JSON.parse(readFileSync(`${folder}/card.json`, 'utf8')) as ReturnType<typeof shippedCard>
}

/** What the recipe measured when it made the model. */
function modelRows(): readonly BenchRow[] {
  const folder = fileURLToPath(MODEL_FOLDERS.intent)
  const { figures } = shippedCard()
  const ofCard = (name: string, key: string): readonly BenchRow[] =>
    figures[key] === undefined ? [] : [{ name: `card: ${name}`, value: figures[key], unit: 'share' }]
  return [
    { name: 'intent.onnx', value: statSync(`${folder}/intent.onnx`).size, unit: 'bytes' },
    ...ofCard('size beside the floats', 'sizeOfFloats'),
    ...ofCard('int8 gives the intent that the floats give', 'int8AgreesWithFloat'),
    ...ofCard('largest difference of a probability by int8', 'int8LargestDifference'),
    ...ofCard('classifier alone, whole templates held back', 'heldOutTemplates'),
    ...ofCard('classifier alone, written sentences held back', 'heldOutWritten'),
    ...ofCard('classifier alone, calibration error', 'calibrationError'),
  ]
}
