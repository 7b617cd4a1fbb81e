/** One net from some sentences, and what it makes of others. */
import { noisy, otherWords, salad } from '../../../domain-build/noise.ts'
import { seededRandom } from '../../../domain-build/random.ts'
import { logits, trainIntentNet, type Example, type IntentNet } from '../../../domain-build/intent-net.ts'
import { BUCKETS, featuresOf } from '../../../intent/features.ts'
import { OUT_OF_SCOPE } from '../../../intent/wish.ts'
import type { Sentence } from './sentences.ts'

/** Noisy copies of a sentence: what was written by hand is rare and is what people say. */
const COPIES = { written: 8, walked: 1 } as const
const SALADS = 700

export interface LearningPlan {
  readonly intents: readonly string[]
  readonly epochs: number
  readonly seed: number
  onEpoch(epoch: number): void
}

export async function learn(sentences: readonly Sentence[], plan: LearningPlan): Promise<IntentNet> {
  const random = seededRandom(plan.seed)
  const labelOf = new Map(plan.intents.map((intent, label) => [intent, label]))
  const example = (tokens: readonly string[], intent: string): Example => ({
    features: featuresOf(tokens),
    label: labelOf.get(intent) ?? 0,
  })
  const examples = sentences.flatMap(({ tokens, intent, isWritten }) => [
    example(tokens, intent),
    ...Array.from({ length: isWritten ? COPIES.written : COPIES.walked }, () => example(noisy(otherWords(tokens, random), random), intent)),
  ])
  const vocabulary = [...new Set(sentences.flatMap(({ tokens }) => tokens))].toSorted()
  examples.push(...salad(vocabulary, SALADS, random).map((tokens) => example(tokens, OUT_OF_SCOPE)))
  return await trainIntentNet(examples, {
    buckets: BUCKETS,
    classes: plan.intents.length,
    epochs: plan.epochs,
    random,
    onEpoch: async (epoch) => plan.onEpoch(epoch),
  })
}

/** One judgement of a sentence that the net was not taught. */
export interface Judged {
  readonly sentence: Sentence
  readonly logits: readonly number[]
}

export function judge(net: IntentNet, sentences: readonly Sentence[]): readonly Judged[] {
  return sentences.map((sentence) => ({
    sentence,
    logits: Array.from(logits(net, featuresOf(sentence.tokens))),
  }))
}
