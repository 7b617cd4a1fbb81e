/** What judgements of sentences that were held back come to. */
import { softmax } from '../../../domain-build/intent-net.ts'
import { OUT_OF_SCOPE } from '../../../intent/wish.ts'
import type { Judged } from './learning.ts'

/** Of the policy that ships: at or above it the device acts. */
const ACT = 0.75
const BINS = 10

export interface Certain {
  readonly confidence: number
  readonly isRight: boolean
}

/** Gap between confidence and share right, over ten bins of the same width. */
export function calibrationError(judgements: readonly Certain[]): number {
  const bins = reliability(judgements)
  return bins.reduce((sum, { count, confidence, right }) => sum + count * Math.abs(confidence - right), 0) / Math.max(1, judgements.length)
}

/** Mean confidence and share right of each bin that holds something. */
export function reliability(
  judgements: readonly Certain[],
): readonly { readonly count: number; readonly confidence: number; readonly right: number }[] {
  return Array.from({ length: BINS }, (_, bin) => {
    const held = judgements.filter(({ confidence }) => Math.min(BINS - 1, Math.floor(confidence * BINS)) === bin)
    return {
      count: held.length,
      confidence: held.reduce((sum, { confidence }) => sum + confidence, 0) / Math.max(1, held.length),
      right: held.filter(({ isRight }) => isRight).length / Math.max(1, held.length),
    }
  }).filter(({ count }) => count > 0)
}

export function certainties(judged: readonly Judged[], intents: readonly string[], temperature: number): readonly Certain[] {
  return judged.map(({ sentence, logits }) => {
    const probabilities = softmax(Float32Array.from(logits), temperature)
    const confidence = probabilities.reduce((a, b) => Math.max(a, b), 0)
    return { confidence, isRight: intents[probabilities.indexOf(confidence)] === sentence.intent }
  })
}

/** The one number that makes confidence honest on sentences that were not taught; templates and written ones count the same. */
export function temperatureFor(judged: readonly Judged[], intents: readonly string[]): number {
  let best = { temperature: 1, loss: Infinity }
  for (let step = 10; step <= 80; step += 1) {
    const temperature = step / 20
    const loss = judged.reduce((sum, { sentence, logits }) => {
      const p = softmax(Float32Array.from(logits), temperature)[intents.indexOf(sentence.intent)] ?? 0
      return sum - Math.log(p + 1e-9)
    }, 0)
    if (loss < best.loss) best = { temperature, loss }
  }
  return best.temperature
}

/** Every template counts the same, however many sentences it gives. */
export function byTemplate(judged: readonly Judged[], intents: readonly string[]): number {
  const shares = new Map<string, { right: number; all: number }>()
  for (const { sentence, logits } of judged) {
    const share = shares.get(sentence.template) ?? { right: 0, all: 0 }
    share.all += 1
    share.right += isGuessed({ sentence, logits }, intents) ? 1 : 0
    shares.set(sentence.template, share)
  }
  return mean([...shares.values()].map(({ right, all }) => right / all))
}

export function shareRight(judged: readonly Judged[], intents: readonly string[]): number {
  return mean(judged.map((one) => (isGuessed(one, intents) ? 1 : 0)))
}

/** Of sentences that want nothing: the share that would not be acted on. */
export function keptOut(judged: readonly Judged[], intents: readonly string[], temperature: number): number {
  const outside = judged.filter(({ sentence }) => sentence.intent === OUT_OF_SCOPE)
  const out = intents.indexOf(OUT_OF_SCOPE)
  return mean(
    outside.map(({ logits }) => {
      const probabilities = softmax(Float32Array.from(logits), temperature)
      const best = probabilities.reduce((a, b) => Math.max(a, b), 0)
      return best < ACT || probabilities.indexOf(best) === out ? 1 : 0
    }),
  )
}

function isGuessed({ sentence, logits }: Judged, intents: readonly string[]): boolean {
  return intents[logits.indexOf(Math.max(...logits))] === sentence.intent
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length
}
