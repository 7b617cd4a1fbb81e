/** One net from some sentences, and what it makes of others. */
import { noisy, otherWords, salad } from '../../../domain-build/noise.ts'
import { seededRandom, type Random } from '../../../domain-build/random.ts'
import { logits, trainIntentNet, type Example, type IntentNet } from '../../../domain-build/intent-net.ts'
import { featuresOf } from '../../../intent/features.ts'
import { OUT_OF_SCOPE } from '../../../intent/wish.ts'
import { heldBackReader } from './held-back.ts'
import type { Sentence } from './sentences.ts'

/** Its sentences have far more features than a domain's own: in fewer buckets too many of them fall together. */
export const BUCKETS = 16_384
/** Noisy copies of a sentence: what was written by hand is rare and is what people say. */
const COPIES = { written: 8, walked: 1 } as const
const SALADS = 700

export interface LearningPlan {
  readonly intents: readonly string[]
  readonly epochs: number
  readonly seed: number
  onEpoch(epoch: number): void
}

/** Sentences, what speakers make of them, and words in an order that nobody would say; nothing that is measured. */
export function taughtTexts(
  sentences: readonly Sentence[],
  random: Random,
): readonly Pick<Sentence, 'tokens' | 'intent'>[] {
  const isHeldBack = heldBackReader()
  const vocabulary = [...new Set(sentences.flatMap(({ tokens }) => tokens))].toSorted()
  return [
    ...sentences.flatMap(({ tokens, intent, isWritten }) => [
      { tokens, intent },
      ...Array.from({ length: isWritten ? COPIES.written : COPIES.walked }, () => ({
        tokens: noisy(otherWords(tokens, random), random),
        intent,
      })),
    ]),
    ...salad(vocabulary, SALADS, random).map((tokens) => ({ tokens, intent: OUT_OF_SCOPE })),
  ].filter(({ tokens }) => !isHeldBack(tokens))
}

export async function learn(sentences: readonly Sentence[], plan: LearningPlan): Promise<IntentNet> {
  const random = seededRandom(plan.seed)
  const labelOf = new Map(plan.intents.map((intent, label) => [intent, label]))
  const examples = taughtTexts(sentences, random).map(
    ({ tokens, intent }): Example => ({ features: featuresOf(tokens, BUCKETS), label: labelOf.get(intent) ?? 0 }),
  )
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
    logits: Array.from(logits(net, featuresOf(sentence.tokens, net.buckets))),
  }))
}
