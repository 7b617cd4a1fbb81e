/** Trains a domain's intent model and says how it does on sentences that it was not trained on. */
import type { Domain } from '../grammar/domain.ts'
import type { KnownNames } from '../grammar/compile.ts'
import { delexicalised } from '../intent/delexicalise.ts'
import { USUAL_BUCKETS, featuresOf } from '../intent/features.ts'
import { expanded } from '../intent/normalise.ts'
import { OUT_OF_SCOPE } from '../intent/wish.ts'
import { SpokenNames } from '../intent/spoken-names.ts'
import { intentFile } from './intent-file.ts'
import { logits, softmax, trainIntentNet, type Example, type IntentNet } from './intent-net.ts'
import type { Random } from './random.ts'
import type { Labelled, Sentences } from './sentences.ts'

export interface IntentModel {
  readonly onnx: Uint8Array
  /** In the order of the model's output. */
  readonly intents: readonly string[]
  readonly golden: {
    readonly tolerance: number
    readonly cases: readonly { readonly text: string; readonly probabilities: readonly number[] }[]
  }
  readonly figures: {
    /** Of sentences that were held back, with what speakers do to them: share understood. */
    readonly heldOut: number
    readonly heldOutSentences: number
    /** Of sentences that want nothing of the domain: share left alone. */
    readonly outOfScopeKeptOut: number
    readonly outOfScopeSentences: number
    readonly temperature: number
  }
}

export interface ModelPlan {
  readonly random: Random
  readonly names: KnownNames
  onEpoch(epoch: number, epochs: number): Promise<void>
}

const EPOCHS = 12
const GOLDEN_CASES = 8
/** What rounding in another runtime may change. */
const TOLERANCE = 0.0005

export async function makeIntentModel(
  domain: Domain,
  sentences: Sentences,
  plan: ModelPlan,
): Promise<IntentModel> {
  const intents = [...domain.intents.map(({ name }) => name), OUT_OF_SCOPE].toSorted()
  const labelOf = new Map(intents.map((name, label) => [name, label]))
  const spoken = new SpokenNames(domain, plan.names)
  /** As the device makes them of what was said. */
  const tokensOf = (words: readonly string[]): readonly string[] => delexicalised(expanded(words), spoken)
  const examples = (list: readonly Labelled[]): Example[] =>
    list.map(({ words, intent }) => ({
      features: featuresOf(tokensOf(words), USUAL_BUCKETS),
      label: labelOf.get(intent) ?? 0,
    }))
  const trained = await trainIntentNet(examples(sentences.train), {
    buckets: USUAL_BUCKETS,
    classes: intents.length,
    epochs: EPOCHS,
    random: plan.random,
    onEpoch: async (epoch) => await plan.onEpoch(epoch, EPOCHS),
  })
  const held = examples(sentences.held)
  const temperature = calibrated(trained, held)
  const { bytes, net } = intentFile(trained, temperature)
  const outside = labelOf.get(OUT_OF_SCOPE) ?? 0
  const isRight = ({ features, label }: Example): boolean => bestOf(net, features) === label
  const own = held.filter(({ label }) => label !== outside)
  const foreign = held.filter(({ label }) => label === outside)
  return {
    onnx: bytes,
    intents,
    golden: { tolerance: TOLERANCE, cases: goldenCases(net, sentences, tokensOf) },
    figures: {
      heldOut: share(own, isRight),
      heldOutSentences: own.length,
      outOfScopeKeptOut: share(foreign, isRight),
      outOfScopeSentences: foreign.length,
      temperature,
    },
  }
}

function bestOf(net: IntentNet, features: Example['features']): number {
  const values = logits(net, features)
  return values.indexOf(values.reduce((a, b) => Math.max(a, b), -Infinity))
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 1 : Math.round((items.filter(holds).length / items.length) * 10_000) / 10_000
}

/** The one number that makes the confidence honest on sentences that were not trained on; never surer than the net itself. */
function calibrated(net: IntentNet, held: readonly Example[]): number {
  const outputs = held.map(({ features, label }) => ({ values: logits(net, features), label }))
  let best = { temperature: 1, loss: Infinity }
  for (let step = 20; step <= 60; step += 1) {
    const temperature = step / 20
    const loss = outputs.reduce(
      (sum, { values, label }) => sum - Math.log((softmax(values, temperature)[label] ?? 0) + 1e-9),
      0,
    )
    if (loss < best.loss) best = { temperature, loss }
  }
  return best.temperature
}

/** Tokens with what must come out of them on every machine: one sentence an intent, as far as they go. */
function goldenCases(
  net: IntentNet,
  { held }: Sentences,
  tokensOf: (words: readonly string[]) => readonly string[],
): IntentModel['golden']['cases'] {
  const seen = new Set<string>()
  const chosen = held.filter(({ intent }) => !seen.has(intent) && seen.add(intent))
  return chosen.slice(0, GOLDEN_CASES).map(({ words }) => {
    const tokens = tokensOf(words)
    const probabilities = softmax(logits(net, featuresOf(tokens, net.buckets)))
    return {
      text: tokens.join(' '),
      probabilities: Array.from(probabilities, (value) => Math.round(value * 1e5) / 1e5),
    }
  })
}
