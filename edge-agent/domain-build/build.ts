/**
 * Builds a domain: from one file, the folder that a device runs. Grammar, pronunciations, intent model and a test set, all by
 * a seed: the same file gives the same bytes.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RELEASE_FILE } from '../../rollout/bundle/unsigned-files.ts'
import { sha256Hex } from '../../shared/digest.ts'
import { compileDomain } from '../grammar/compile.ts'
import type { Domain } from '../grammar/domain.ts'
import { parseDomain } from '../grammar/domain-file.ts'
import { TextMatcher } from '../grammar/match-text.ts'
import { wordGraphOf, type Net } from '../grammar/net.ts'
import { OUT_OF_SCOPE } from '../intent/wish.ts'
import { OPEN_VOCABULARY } from '../intent/open-vocabulary.ts'
import { compileGrammar } from '../speech/grammar-compiler.ts'
import { LanguageModel } from '../speech/language-model.ts'
import { Lexicon } from '../speech/lexicon.ts'
import { readModel } from '../speech/model-files.ts'
import { TUNING } from '../speech/tuning.ts'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { domainLexicon, type DomainLexicon } from './domain-lexicon.ts'
import { sentencesElsewhere } from './elsewhere.ts'
import { packGraph } from './graph-file.ts'
import { DOMAIN_LICENCE, domainFacts } from './release-facts.ts'
import { makeIntentModel, type IntentModel } from './intent-model.ts'
import { seededRandom } from './random.ts'
import { SAMPLE_NAMES } from './sample-names.ts'
import { makeSentences, type Sentences } from './sentences.ts'

/** Part of what every domain is built to: to be changed with the recipe, so that what was kept is built anew. */
export const SEED = 20_261_121
const NO_NAMES = { assets: [], parts: [], workOrders: [] }

export interface BuildRun {
  readonly signal: AbortSignal
  onProgress(line: string): void
}

export interface BuiltDomain {
  readonly domain: Domain
  /** Path within the bundle -> bytes, in order of path. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly lexicon: DomainLexicon
  readonly figures: IntentModel['figures']
  readonly graph: { readonly states: number; readonly arcs: number; readonly units: number }
  readonly sentences: { readonly trained: number; readonly tests: number }
}

/** Throws DomainRefused for a file that cannot be used, WordsUnknown for words that nobody can hear. */
export async function buildDomain(path: string, run: BuildRun): Promise<BuiltDomain> {
  const source = readFileSync(path)
  const domain = parseDomain(source, path)
  run.onProgress(
    `read ${domain.name}: ${domain.intents.length} intents, ${Object.keys(domain.slots).length} slots`,
  )
  const net = compileDomain(domain, NO_NAMES)
  const graph = wordGraphOf(net)
  const { lexicon, units } = hear(domain, net)
  run.onProgress(`the grammar has ${net.stateCount} states and ${lexicon.entries.length} words`)
  const sentences = sentencesOf(domain)
  run.onProgress(`made ${sentences.train.length} sentences to learn from`)
  const model = await makeIntentModel(domain, sentences, {
    random: seededRandom(SEED + 1),
    names: SAMPLE_NAMES,
    onEpoch: async (epoch, epochs) => {
      run.onProgress(`learning the intents: round ${epoch} of ${epochs}`)
      await nextTurn()
      run.signal.throwIfAborted()
    },
  })
  const files: readonly (readonly [string, Uint8Array])[] = [
    ['intent.onnx', model.onnx],
    ['golden.json', json(model.golden)],
    [`domains/${domain.name}.yaml`, source],
    ['lexicon.json', json(Object.fromEntries(lexicon.entries.map(({ word, ...entry }) => [word, entry])))],
    ['graph.json.br', packGraph(graph)],
    ['tests.jsonl', testLines(sentences)],
    ['card.json', json(cardOf(domain, model, { source, sentences }))],
    [
      RELEASE_FILE,
      json(domainFacts({ name: domain.name, source, sentences, figures: model.figures, seed: SEED })),
    ],
  ]
  return {
    domain,
    files: new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    lexicon,
    figures: model.figures,
    graph: { states: graph.stateCount, arcs: graph.arcs.length, units },
    sentences: { trained: sentences.train.length, tests: sentences.test.length },
  }
}

/** Pronunciations, and the proof that the shipped speech model takes the grammar. */
function hear(domain: Domain, net: Net): { readonly lexicon: DomainLexicon; readonly units: number } {
  const files = readModel(fileURLToPath(MODEL_FOLDERS.speech))
  const dictionary = new Lexicon(files, files.phones.phones)
  const graph = wordGraphOf(net)
  const lexicon = domainLexicon(domain, graph, { lexicon: dictionary, phoneNames: files.phones.phones })
  const { pronunciations } = domain
  const { unitCount } = compileGrammar(
    {
      graph,
      pronunciations,
      openVocabulary: OPEN_VOCABULARY,
      dictation: false,
      background: false,
      tuning: TUNING,
      guess: true,
    },
    { model: files.phones, lexicon: dictionary, language: new LanguageModel(files.language) },
  )
  return { lexicon, units: unitCount }
}

function sentencesOf(domain: Domain): Sentences {
  const random = seededRandom(SEED)
  const named = compileDomain(domain, SAMPLE_NAMES)
  const matcher = new TextMatcher(named)
  const vocabulary = new Set(named.arcs.flatMap(({ label }) => (label.kind === 'word' ? [label.word] : [])))
  return makeSentences(domain, {
    names: SAMPLE_NAMES,
    random,
    outOfScope: OUT_OF_SCOPE,
    elsewhere: sentencesElsewhere(vocabulary, random),
    reads: (words) => matcher.match(words) !== null,
  })
}

function testLines({ test }: Sentences): Uint8Array {
  const lines = test.map(({ words, intent, slots }) =>
    JSON.stringify({ text: words.join(' '), intent, slots, synthetic: true }),
  )
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''))
}

function cardOf(
  domain: Domain,
  model: IntentModel,
  made: { readonly source: Uint8Array; readonly sentences: Sentences },
): object {
  return {
    name: `starling-domain-${domain.name}`,
    kind: 'domain',
    version: domain.version,
    title: `The domain ${domain.name}: its grammar, pronunciations and intent model`,
    licence: DOMAIN_LICENCE,
    languages: ['en'],
    intendedUse:
      'Hears and understands what the domain file says. What the grammar does not read, the intent model proposes; under the policy’s and the domain’s thresholds a proposal is asked back or given to a person.',
    limits:
      'The intent model was trained on sentences made from the templates alone, and has seen no text of real users; its figures are of such sentences too. English only.',
    intents: model.intents,
    training: { sentences: made.sentences.train.length, seed: SEED, source: sha256Hex(made.source) },
    figures: model.figures,
  }
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`)
}
