/**
 * The models that run: opened from the active bundles, swapped when a new bundle is activated, their grammar made anew when
 * the names that people may say have changed. A turn that is under way ends with the models it began with.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import { invariant, StarlingError } from '../../shared/errors.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import type { Names } from '../context/reads.ts'
import { openUnderstanding, type Understanding } from '../intent/understanding.ts'
import type { Wish } from '../intent/wish.ts'
import { openRecogniser, type Recogniser } from '../speech/recogniser.ts'
import { traitsOf } from '../models-import/registry.ts'
import { openEars } from '../turn/ears.ts'
import type { Ears, Mind, ModelFacts } from '../turn/ports.ts'

export class ModelsNotReady extends StarlingError {
  override readonly code = 'models_not_ready'
}

export class BundleUnknown extends StarlingError {
  override readonly code = 'bundle_unknown'
}

export interface Models {
  /** Throws {@link ModelsNotReady} until both models run. */
  ears(): Ears
  mind(): Mind
  facts(): readonly ModelFacts[]
  /** Opens a bundle's model with its golden vectors and closes it again; throws when it is not what it should be. */
  smoke(dir: string): Promise<void>
  /** Takes a bundle's model up; the one before runs until then, and goes on when this throws. */
  use(dir: string): Promise<void>
  /** Why bundles that are wanted do not run, for who asks in vain. */
  hinderedBy(reasons: readonly string[]): void
  /** The names that people may say have changed. */
  relearn(names: Names): Promise<void>
  close(): Promise<void>
}

export function openModels(clock: Clock, signal: AbortSignal): Models {
  return new RunningModels(clock, signal)
}

class RunningModels implements Models {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #speech: Recogniser | null = null
  #intent: Understanding | null = null
  #names: Names = { assets: [], parts: [], workOrders: [] }
  #grammar: { readonly name: string; readonly ears: Ears } | null = null
  #made = 0
  /** Of each opened model. */
  readonly #traits = new WeakMap<object, ModelTraits>()
  #hindrances: readonly string[] = []

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
  }

  ears(): Ears {
    if (this.#grammar === null) throw notReady(this.#hindrances)
    return this.#grammar.ears
  }

  mind(): Mind {
    if (this.#intent === null) throw notReady(this.#hindrances)
    return mindOf(this.#intent, {
      names: this.#names,
      clock: this.#clock,
      traits: this.#traitsOf(this.#intent),
    })
  }

  facts(): readonly ModelFacts[] {
    return [
      ...(this.#speech === null ? [] : [factsOf(this.#speech)]),
      ...(this.#intent === null ? [] : [this.#intent.model]),
    ]
  }

  async smoke(dir: string): Promise<void> {
    const opened = await this.#open(dir)
    await opened.model.close()
  }

  async use(dir: string): Promise<void> {
    const next = await this.#open(dir)
    try {
      if (next.kind === 'speech') await this.#learn(next.model, this.#intent)
      else await this.#learn(this.#speech, next.model)
    } catch (thrown) {
      await next.model.close()
      throw thrown
    }
    const before = next.kind === 'speech' ? this.#speech : this.#intent
    if (next.kind === 'speech') this.#speech = next.model
    else this.#intent = next.model
    await before?.close()
  }

  hinderedBy(reasons: readonly string[]): void {
    this.#hindrances = reasons
  }

  async relearn(names: Names): Promise<void> {
    if (JSON.stringify(names) === JSON.stringify(this.#names)) return
    this.#names = names
    await this.#learn(this.#speech, this.#intent)
  }

  async close(): Promise<void> {
    await this.#speech?.close()
    await this.#intent?.close()
  }

  async #open(dir: string) {
    const signal = this.#signal
    const opened = isSpeech(dir)
      ? ({ kind: 'speech', model: await openRecogniser({ modelDir: dir, signal }) } as const)
      : ({ kind: 'intent', model: await openUnderstanding(dir, { signal }) } as const)
    this.#traits.set(opened.model, traitsOf(dir, opened.kind))
    return opened
  }

  #traitsOf(model: Recogniser | Understanding): ModelTraits {
    const traits = this.#traits.get(model)
    invariant(traits !== undefined, 'a model that runs was opened here')
    return traits
  }

  /** Makes the grammar anew: both models and the names that are known go into it. */
  async #learn(recogniser: Recogniser | null, understanding: Understanding | null): Promise<void> {
    if (recogniser === null || understanding === null) return
    const { graph, pronunciations, openVocabulary } = understanding.grammarFor(this.#names)
    this.#made += 1
    const name = `grammar-${this.#made}`
    await recogniser.loadGrammar(name, graph, pronunciations, { openVocabulary, guess: true })
    const before = this.#grammar
    this.#grammar = {
      name,
      ears: openEars(recogniser, name, { clock: this.#clock, traits: this.#traitsOf(recogniser) }),
    }
    if (before !== null && recogniser === this.#speech) recogniser.dropGrammar(before.name)
  }
}

function mindOf(
  understanding: Understanding,
  { names, clock, traits }: { readonly names: Names; readonly clock: Clock; readonly traits: ModelTraits },
): Mind {
  const find = (intent: string) => understanding.domain.intents.find(({ name }) => name === intent)
  return {
    model: { ...understanding.model, traits },
    phraseOf: (intent) => find(intent)?.phrase ?? intent,
    thresholdsOf: (intent) => find(intent)?.thresholds ?? { act: null, ask: null },
    understand: async ({ text, confidence, alternatives, before }) => {
      const startedMs = clock.monotonicMs()
      const meant = await understanding.understand(text, names, { alternatives, before })
      // Heard half right and understood half right is not understood.
      const weighed = <T extends Wish>(wish: T): T => ({ ...wish, confidence: wish.confidence * confidence })
      return {
        ...weighed(meant),
        further: meant.further.map(weighed),
        runtimeMs: clock.monotonicMs() - startedMs,
      }
    },
  }
}

function factsOf(recogniser: Recogniser): ModelFacts {
  const { name, digest, provider } = recogniser.facts
  return { name, digest: digest as ModelFacts['digest'], provider }
}

function isSpeech(dir: string): boolean {
  if (existsSync(join(dir, 'acoustic.onnx'))) return true
  if (existsSync(join(dir, 'intent.onnx'))) return false
  throw new BundleUnknown('the bundle holds neither a speech nor an intent model', {
    remedy: 'Publish a bundle that this version of Starling knows.',
  })
}

function notReady(hindrances: readonly string[]): ModelsNotReady {
  if (hindrances.length === 0)
    return new ModelsNotReady('the device holds no models yet', {
      remedy: 'Connect it to its centre once, so that it can fetch and verify them.',
    })
  return new ModelsNotReady(`the device holds no models: ${hindrances.join('; ')}`, {
    remedy: 'Mend what is named there; the device tries again by itself, at once when it is started again.',
  })
}
