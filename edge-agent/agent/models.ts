/**
 * The models that run: opened from the active bundles, swapped when a new bundle is activated, their grammar made anew when
 * the names that people may say have changed. A turn that is under way ends with the models it began with.
 */
import type { Clock } from '../../shared/clock.ts'
import { invariant, StarlingError } from '../../shared/errors.ts'
import type { ModelTraits } from '../../shared/kernel/contract.ts'
import type { Names } from '../context/reads.ts'
import { readGuesses } from '../domain-build/domain-lexicon.ts'
import { ANY_WORDS } from '../grammar/any-words.ts'
import type { Understanding } from '../intent/understanding.ts'
import type { Wish } from '../intent/wish.ts'
import type { ExtraPronunciations } from '../speech/lexicon.ts'
import type { Recogniser } from '../speech/recogniser.ts'
import { traitsOf } from '../models-import/registry.ts'
import { warmUp } from '../trial/exercise.ts'
import { openBundleModel, unknownBundle, type BundleModel } from '../trial/bundle-model.ts'
import { Shadow } from '../trial/shadow.ts'
import { openEars } from '../turn/ears.ts'
import type { Dictation } from '../turn/second-hearing.ts'
import type { Ears, Mind, ModelFacts } from '../turn/ports.ts'
import type { BundleFacts } from '../update/slot-facts.ts'

export class ModelsNotReady extends StarlingError {
  override readonly code = 'models_not_ready'
}

export interface Models {
  /** Throws {@link ModelsNotReady} until both models run. */
  ears(): Ears
  mind(): Mind
  facts(): readonly ModelFacts[]
  /**
   * Takes a bundle's model up; the one before runs until then, and goes on when this throws. A domain comes before the intent
   * bundle's own, and of several domains the one that was published last.
   */
  use(dir: string, facts?: BundleFacts): Promise<void>
  /** Opens a bundle's model beside the one of its kind that runs; null where none runs. One at a time. */
  shadow(dir: string, facts: BundleFacts): Promise<Shadow | null>
  /** Closes it again. */
  unshadow(): Promise<void>
  /** The name of the domain that is heard now; null before there is one. */
  domain(): string | null
  /** Another domain, for one call: its folder is opened, and kept open for the next. */
  within(dir: string): Promise<{ readonly ears: Ears; readonly mind: Mind }>
  /** Any words, over the whole lexicon: made when it is first asked for, kept as long as its recogniser. */
  dictation(): Promise<Ears>
  /** Why bundles that are wanted do not run, for who asks in vain. */
  hinderedBy(reasons: readonly string[]): void
  /** The names that people may say have changed. */
  relearn(names: Names): Promise<void>
  close(): Promise<void>
}

/** More than the processors of any machine that is a site's. */
export const MAX_SPEECH_THREADS = 64

export interface ModelsRun {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Threads that hear, 1 to {@link MAX_SPEECH_THREADS}. */
  readonly speechThreads: number
  /** The folder of the imported model that tells when somebody speaks, null for none: asked for each utterance. */
  readonly voiceModel: () => string | null
}

export function openModels(run: ModelsRun): Models {
  return new RunningModels(run)
}

const DICTATION = 'dictation'

class RunningModels implements Models {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #threads: number
  readonly #voiceModel: () => string | null
  #speech: Recogniser | null = null
  #intent: Understanding | null = null
  #domain: { readonly understanding: Understanding; readonly facts: BundleFacts } | null = null
  readonly #beside: OpenDomain[] = []
  /** What runs in the shadow; its ears, where it hears. */
  #beneath: { readonly shadow: Shadow; readonly model: BundleModel; readonly ears: Ears | null } | null = null
  #names: Names = { assets: [], parts: [], workOrders: [] }
  #grammar: { readonly name: string; readonly ears: Ears } | null = null
  #made = 0
  /** Of each opened model. */
  readonly #traits = new WeakMap<object, ModelTraits>()
  /** Of each opened understanding: how words sound that only its builder guessed. */
  readonly #guesses = new WeakMap<object, ExtraPronunciations>()
  #hindrances: readonly string[] = []
  /** Of each recogniser that was asked for it. */
  readonly #dictation = new WeakMap<Recogniser, Promise<string>>()

  constructor({ clock, signal, speechThreads, voiceModel }: ModelsRun) {
    this.#clock = clock
    this.#voiceModel = voiceModel
    this.#signal = signal
    this.#threads = speechThreads
  }

  ears(): Ears {
    if (this.#grammar === null) throw notReady(this.#hindrances)
    const { ears } = this.#grammar
    return this.#beneath?.shadow.ears(ears) ?? ears
  }

  mind(): Mind {
    const current = this.#current()
    if (current === null) throw notReady(this.#hindrances)
    const mind = this.#mindOf(current)
    return this.#beneath?.shadow.mind(mind) ?? mind
  }

  domain(): string | null {
    return this.#current()?.domain.name ?? null
  }

  async within(dir: string): Promise<{ readonly ears: Ears; readonly mind: Mind }> {
    const recogniser = this.#speech
    if (recogniser === null) throw notReady(this.#hindrances)
    const known = this.#beside.find((open) => open.dir === dir)
    const isFresh = known?.recogniser === recogniser && known.names === this.#names
    if (known !== undefined && isFresh) return { ears: known.ears, mind: this.#mindOf(known.understanding) }
    if (known !== undefined) await this.#putAway(known)
    const model = await this.#open(dir, DOMAIN)
    if (model.kind !== 'understanding') throw unknownBundle('the folder holds no domain')
    const understanding = model.opened
    const { name, ears } = await this.#load(recogniser, understanding).catch(async (thrown: unknown) => {
      await understanding.close()
      throw thrown
    })
    this.#beside.push({ dir, understanding, recogniser, names: this.#names, grammar: name, ears })
    const [oldest] = this.#beside
    if (this.#beside.length > MOST_BESIDE && oldest !== undefined) await this.#putAway(oldest)
    return { ears, mind: this.#mindOf(understanding) }
  }

  async dictation(): Promise<Ears> {
    const speech = this.#speech
    if (speech === null) throw notReady(this.#hindrances)
    return this.#earsOf(speech, await this.#dictationOf(speech), null)
  }

  /** Loaded when it is first asked for; tried again by the next who asks when that failed. */
  async #dictationOf(speech: Recogniser): Promise<string> {
    const known = this.#dictation.get(speech)
    if (known !== undefined) return await known
    const made = speech.loadGrammar(DICTATION, ANY_WORDS, {}, { dictation: true }).then(() => DICTATION)
    this.#dictation.set(speech, made)
    made.catch(() => this.#dictation.delete(speech))
    return await made
  }

  facts(): readonly ModelFacts[] {
    return [
      ...(this.#speech === null ? [] : [factsOf(this.#speech)]),
      ...[this.#current()].flatMap((current) => (current === null ? [] : [current.model])),
    ]
  }

  async use(dir: string, facts: BundleFacts | null = null): Promise<void> {
    const model = await this.#open(dir, facts)
    if (model.kind === 'speech') {
      await this.#learn({ speech: model.opened, understanding: this.#current() }, model.opened)
      await replaced(this.#speech, () => (this.#speech = model.opened))
    } else if (facts?.kind !== 'domain') {
      // A domain that was published for itself goes on.
      if (this.#domain === null)
        await this.#learn({ speech: this.#speech, understanding: model.opened }, model.opened)
      await replaced(this.#intent, () => (this.#intent = model.opened))
    } else if (this.#isOlder(facts)) await model.opened.close()
    else {
      await this.#learn({ speech: this.#speech, understanding: model.opened }, model.opened)
      await replaced(this.#domain?.understanding ?? null, () => {
        this.#domain = { understanding: model.opened, facts }
      })
    }
  }

  async shadow(dir: string, facts: BundleFacts): Promise<Shadow | null> {
    await this.unshadow()
    const model = await this.#open(dir, facts)
    const current = this.#current()
    if (current === null || (model.kind === 'speech' && this.#speech === null)) {
      await model.opened.close()
      return null
    }
    if (model.kind === 'understanding') {
      const { opened } = model
      const shadow = new Shadow({ kind: 'understanding', mind: () => this.#mindOf(opened) })
      this.#beneath = { shadow, model, ears: null }
      return shadow
    }
    const { ears } = await this.#load(model.opened, current).catch(async (thrown: unknown) => {
      await model.opened.close()
      throw thrown
    })
    const shadow = new Shadow({ kind: 'speech', ears: () => this.#beneath?.ears ?? ears })
    this.#beneath = { shadow, model, ears }
    return shadow
  }

  async unshadow(): Promise<void> {
    const beneath = this.#beneath
    this.#beneath = null
    await beneath?.shadow.close()
    await beneath?.model.opened.close()
  }

  hinderedBy(reasons: readonly string[]): void {
    this.#hindrances = reasons
  }

  async relearn(names: Names): Promise<void> {
    if (JSON.stringify(names) === JSON.stringify(this.#names)) return
    this.#names = names
    const understanding = this.#current()
    await this.#learn({ speech: this.#speech, understanding }, null)
    const beneath = this.#beneath
    if (beneath?.model.kind !== 'speech' || understanding === null) return
    const { ears } = await this.#load(beneath.model.opened, understanding)
    if (this.#beneath === beneath) this.#beneath = { ...beneath, ears }
  }

  async close(): Promise<void> {
    await this.unshadow()
    await this.#speech?.close()
    await this.#intent?.close()
    await this.#domain?.understanding.close()
    for (const { understanding } of this.#beside) await understanding.close()
  }

  #current(): Understanding | null {
    return this.#domain?.understanding ?? this.#intent
  }

  /** True for a domain beside one that was published later, under another name. */
  #isOlder({ name, createdAtMs }: BundleFacts): boolean {
    const running = this.#domain?.facts
    return running !== undefined && running.name !== name && createdAtMs < running.createdAtMs
  }

  #mindOf(understanding: Understanding): Mind {
    const traits = this.#traitsOf(understanding)
    return mindOf(understanding, { names: this.#names, clock: this.#clock, traits })
  }

  async #putAway(open: OpenDomain): Promise<void> {
    this.#beside.splice(this.#beside.indexOf(open), 1)
    if (open.recogniser === this.#speech) open.recogniser.dropGrammar(open.grammar)
    await open.understanding.close()
  }

  async #open(dir: string, facts: BundleFacts | null): Promise<BundleModel> {
    const model = await openBundleModel(dir, facts, { signal: this.#signal, threads: this.#threads })
    this.#traits.set(model.opened, traitsOf(dir, model.kind === 'speech' ? 'speech' : 'intent'))
    if (model.kind === 'understanding') this.#guesses.set(model.opened, readGuesses(dir))
    return model
  }

  #earsOf(speech: Recogniser, grammar: string, dictation: Dictation | null): Ears {
    const traits = this.#traitsOf(speech)
    return openEars(speech, grammar, {
      clock: this.#clock,
      traits,
      voiceModel: this.#voiceModel,
      dictation,
    })
  }

  #traitsOf(model: Recogniser | Understanding): ModelTraits {
    const traits = this.#traits.get(model)
    invariant(traits !== undefined, 'a model that runs was opened here')
    return traits
  }

  /** Makes the grammar anew: both models and the names that are known go into it. Closes `fresh` when that fails. */
  async #learn(
    {
      speech,
      understanding,
    }: { readonly speech: Recogniser | null; readonly understanding: Understanding | null },
    fresh: { close(): Promise<void> } | null,
  ): Promise<void> {
    if (speech === null || understanding === null) return
    try {
      const before = this.#grammar
      const next = await this.#load(speech, understanding)
      // The first turn with it is to cost no more than any other: its threads have worked before anybody waits for them.
      if (fresh !== null) await warmUp(next.ears, { understanding, names: this.#names, signal: this.#signal })
      this.#grammar = next
      if (before !== null && speech === this.#speech) speech.dropGrammar(before.name)
    } catch (thrown) {
      await fresh?.close()
      throw thrown
    }
  }

  async #load(
    speech: Recogniser,
    understanding: Understanding,
  ): Promise<{ readonly name: string; readonly ears: Ears }> {
    const { graph, pronunciations, openVocabulary, names } = understanding.grammarFor(this.#names)
    this.#made += 1
    const name = `grammar-${this.#made}`
    const sounds = { ...this.#guesses.get(understanding), ...pronunciations }
    await speech.loadGrammar(name, graph, sounds, { openVocabulary, guess: true })
    const dictation = { recogniser: speech, grammar: async () => await this.#dictationOf(speech), names }
    return { name, ears: this.#earsOf(speech, name, dictation) }
  }
}

/** A domain that a call asked for by name. */
interface OpenDomain {
  readonly dir: string
  readonly understanding: Understanding
  readonly recogniser: Recogniser
  readonly names: Names
  readonly grammar: string
  readonly ears: Ears
}

/** Each holds a thread with a model and a grammar. */
const MOST_BESIDE = 2
const DOMAIN: BundleFacts = { name: 'domain', kind: 'domain', createdAtMs: 0 }
/** Takes the new one up before the old one is closed. */
async function replaced(before: { close(): Promise<void> } | null, take: () => unknown): Promise<void> {
  take()
  await before?.close()
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

function notReady(hindrances: readonly string[]): ModelsNotReady {
  if (hindrances.length === 0)
    return new ModelsNotReady('the device holds no models yet', {
      remedy: 'Connect it to its centre once, so that it can fetch and verify them.',
    })
  return new ModelsNotReady(`the device holds no models: ${hindrances.join('; ')}`, {
    remedy: 'Mend what is named there; the device tries again by itself, at once when it is started again.',
  })
}
