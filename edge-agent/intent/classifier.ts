/**
 * The trained classifier: an ONNX model, checked against its golden answers before it is used. It runs on the thread that asks:
 * some hundred rows of int8 are gathered and added, a fifth of what it costs to wake another thread and be woken by it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import * as v from 'valibot'
import { InvariantBroken, StarlingError } from '../../shared/errors.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import type { ModelFacts } from '../turn/ports.ts'
import { featuresOf } from './features.ts'

export class IntentModelRefused extends StarlingError {
  override readonly code = 'intent_model_refused'
}

export class ClassifierGone extends StarlingError {
  override readonly code = 'classifier_gone'
}

const CardSchema = v.object({ name: v.string(), version: v.string(), intents: v.array(v.string()) })
const GoldenSchema = v.object({
  tolerance: v.number(),
  cases: v.pipe(v.array(v.object({ text: v.string(), probabilities: v.array(v.number()) })), v.minLength(1)),
})
/** The files that make the model what it is. */
const FILES = ['intent.onnx', 'card.json', 'golden.json'] as const

export interface Guess {
  readonly intent: string
  readonly probability: number
}

export interface Classifier {
  readonly model: ModelFacts
  /** The tokens of a sentence without its names; likeliest intent first. */
  classify(
    words: readonly string[],
  ): Promise<{ readonly guesses: readonly Guess[]; readonly runtimeMs: number }>
  close(): Promise<void>
}

/** Throws {@link IntentModelRefused} when a file is missing or damaged, or a golden answer does not come out. */
export async function openClassifier(
  modelDir: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Classifier> {
  options.signal?.throwIfAborted()
  const { card, golden, digest } = readFiles(modelDir)
  const model = { name: `${card.name}-${card.version}`, digest: parseSha256Hex(digest), provider: 'cpu' }
  const classifier = new SessionClassifier(await opened(modelDir), model, card.intents)
  try {
    await checkGolden(classifier, golden, card.intents)
    return classifier
  } catch (thrown) {
    await classifier.close()
    throw thrown
  }
}

async function opened(modelDir: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(new Uint8Array(readFileSync(join(modelDir, 'intent.onnx'))), {
      executionProviders: ['cpu'],
      // One thread: a pool's threads spin between runs and cost more than the run.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    })
  } catch (cause) {
    throw refused((cause as Error).message, cause)
  }
}

async function checkGolden(
  classifier: Classifier,
  golden: v.InferOutput<typeof GoldenSchema>,
  intents: readonly string[],
): Promise<void> {
  for (const { text, probabilities } of golden.cases) {
    const { guesses } = await classifier.classify(text.split(' '))
    for (const { intent, probability } of guesses) {
      const wanted = probabilities[intents.indexOf(intent)]
      // Written so that a probability that is not a number is refused.
      if (wanted === undefined || !(Math.abs(wanted - probability) <= golden.tolerance))
        throw refused(
          `its golden answer for “${text}” did not come out: ${intent} ${probability}, not ${wanted}`,
        )
    }
  }
}

function readFiles(modelDir: string): {
  card: v.InferOutput<typeof CardSchema>
  golden: v.InferOutput<typeof GoldenSchema>
  digest: string
} {
  try {
    const [model, card, golden] = FILES.map((file) => readFileSync(join(modelDir, file)))
    const hash = createHash('sha256')
    for (const bytes of [model, card, golden])
      hash.update(
        createHash('sha256')
          .update(bytes ?? '')
          .digest(),
      )
    return {
      card: v.parse(CardSchema, JSON.parse(String(card))),
      golden: v.parse(GoldenSchema, JSON.parse(String(golden))),
      digest: hash.digest('hex'),
    }
  } catch (cause) {
    throw refused(`its files cannot be read: ${(cause as Error).message}`, cause)
  }
}

class SessionClassifier implements Classifier {
  readonly model: ModelFacts
  readonly #session: InferenceSession
  readonly #intents: readonly string[]
  #isClosed = false
  /** Runs end in the order in which they began. */
  #latest: Promise<unknown> = Promise.resolve()

  constructor(session: InferenceSession, model: ModelFacts, intents: readonly string[]) {
    this.model = model
    this.#session = session
    this.#intents = intents
  }

  async classify(words: readonly string[]): Promise<{ guesses: readonly Guess[]; runtimeMs: number }> {
    if (this.#isClosed)
      throw new ClassifierGone('the intent classifier was closed', { remedy: 'Start the agent again.' })
    const { index, value } = featuresOf(words)
    const began = performance.now()
    const run = this.#session.run({
      index: new Tensor('int32', index, [index.length]),
      value: new Tensor('float32', value, [1, value.length]),
    })
    this.#latest = run.catch(() => undefined)
    const out = await run
    const runtimeMs = performance.now() - began
    const probabilities = out['probabilities']?.data
    if (!(probabilities instanceof Float32Array))
      throw new InvariantBroken('the intent model gives float probabilities')
    const guesses = this.#intents
      .map((intent, at) => ({ intent, probability: probabilities[at] ?? 0 }))
      .toSorted((a, b) => b.probability - a.probability)
    return { guesses, runtimeMs }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#latest
    await this.#session.release()
  }
}

function refused(why: string, cause?: unknown): IntentModelRefused {
  return new IntentModelRefused(`the intent model is refused: ${why}`, {
    remedy: 'Fetch the bundle again, or go back to the one before.',
    cause,
  })
}
