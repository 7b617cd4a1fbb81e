/**
 * The models that run: opened from the active bundles, swapped when a new bundle is activated, their grammar made anew when
 * the names that people may say have changed. A turn that is under way ends with the models it began with.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Names } from '../context/reads.ts'
import { openUnderstanding, type Understanding } from '../intent/understanding.ts'
import { openRecogniser, type Recogniser } from '../speech/recogniser.ts'
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
  /** The names that people may say have changed. */
  relearn(names: Names): Promise<void>
  close(): Promise<void>
}

export function openModels(clock: Clock, signal: AbortSignal): Models {
  let speech: Recogniser | null = null
  let intent: Understanding | null = null
  let names: Names = { assets: [], parts: [], workOrders: [] }
  let grammar: { readonly name: string; readonly ears: Ears } | null = null
  let made = 0

  const learn = async (recogniser: Recogniser | null, understanding: Understanding | null): Promise<void> => {
    if (recogniser === null || understanding === null) return
    const { graph, pronunciations, openVocabulary } = understanding.grammarFor(names)
    made += 1
    const name = `grammar-${made}`
    await recogniser.loadGrammar(name, graph, pronunciations, { openVocabulary, guess: true })
    const before = grammar
    grammar = { name, ears: openEars(recogniser, name, clock) }
    if (before !== null && recogniser === speech) recogniser.dropGrammar(before.name)
  }
  const use = async (dir: string): Promise<void> => {
    if (isSpeech(dir)) {
      const next = await openRecogniser({ modelDir: dir, signal })
      try {
        await learn(next, intent)
      } catch (thrown) {
        await next.close()
        throw thrown
      }
      const before = speech
      speech = next
      await before?.close()
      return
    }
    const next = await openUnderstanding(dir, { signal })
    try {
      await learn(speech, next)
    } catch (thrown) {
      await next.close()
      throw thrown
    }
    const before = intent
    intent = next
    await before?.close()
  }
  return {
    ears: () => {
      if (grammar === null) throw notReady()
      return grammar.ears
    },
    mind: () => {
      if (intent === null) throw notReady()
      return mindOf(intent, names, clock)
    },
    facts: () => [...(speech === null ? [] : [factsOf(speech)]), ...(intent === null ? [] : [intent.model])],
    smoke: async (dir) => {
      const opened = isSpeech(dir)
        ? await openRecogniser({ modelDir: dir, signal })
        : await openUnderstanding(dir, { signal })
      await opened.close()
    },
    use,
    relearn: async (fresh) => {
      if (JSON.stringify(fresh) === JSON.stringify(names)) return
      names = fresh
      await learn(speech, intent)
    },
    close: async () => {
      await speech?.close()
      await intent?.close()
    },
  }
}

function mindOf(understanding: Understanding, names: Names, clock: Clock): Mind {
  return {
    model: understanding.model,
    phraseOf: (intent) => understanding.domain.intents.find(({ name }) => name === intent)?.phrase ?? intent,
    understand: async (text, speechConfidence) => {
      const startedMs = clock.monotonicMs()
      const meant = await understanding.understand(text, names)
      return {
        ...meant,
        // Heard half right and understood half right is not understood.
        confidence: meant.confidence * speechConfidence,
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

function notReady(): ModelsNotReady {
  return new ModelsNotReady('the device holds no models yet', {
    remedy: 'Connect it to its centre once, so that it can fetch and verify them.',
  })
}
