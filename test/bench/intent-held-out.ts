/** What `npm run bench -- intent` measures on, and which of it a template that is taught could have walked. */
import { readFileSync } from 'node:fs'
import { seededRandom } from '../../edge-agent/domain-build/random.ts'
import { compileDomain } from '../../edge-agent/grammar/compile.ts'
import type { Domain } from '../../edge-agent/grammar/domain.ts'
import { parseDomain } from '../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../edge-agent/grammar/match-text.ts'
import type { TemplateNode } from '../../edge-agent/grammar/template.ts'
import { delexicalised } from '../../edge-agent/intent/delexicalise.ts'
import { expanded, wordsOf } from '../../edge-agent/intent/normalise.ts'
import { SpokenNames } from '../../edge-agent/intent/spoken-names.ts'
import { digestOfTokens } from '../../edge-agent/models/training/intent/held-back.ts'
import { FREE_TEXTS } from '../../edge-agent/models/training/intent/names.ts'
import { TAUGHT_DOMAINS, type Sentence } from '../../edge-agent/models/training/intent/sentences.ts'
import { walker } from '../../edge-agent/models/training/walks.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { SAMPLE_NAMES } from '../edge-agent/intent/known-names.ts'
import type { Paraphrase } from './intent-breath.ts'

const SEED = 1
const WALKS_PER_TEMPLATE = 8

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')
const lines = (name: string): readonly string[] => read(`test/bench/intent/${name}`).trim().split('\n')

export function readParaphrases(): readonly Paraphrase[] {
  return lines('paraphrases.jsonl').map((line) => JSON.parse(line) as Paraphrase)
}

export function readOutOfScope(): readonly string[] {
  return lines('out-of-scope.txt')
}

export interface HeldOutTemplate {
  readonly intent: string
  /** Walks, each once. */
  readonly texts: readonly string[]
}

/** The same at every call with as many walks of each template. */
export function heldOutTemplates(walks = WALKS_PER_TEMPLATE): readonly HeldOutTemplate[] {
  const domain = parseDomain(read('test/bench/intent/held-out-templates.yaml'), 'held-out-templates.yaml')
  const random = seededRandom(SEED)
  return domain.intents.flatMap((intent) =>
    intent.templates.map((template) => {
      const net = compileDomain({ ...domain, intents: [{ ...intent, templates: [template] }] }, SAMPLE_NAMES)
      const walk = walker(
        net,
        () => random.next(),
        () => random.pick(FREE_TEXTS) ?? '',
      )
      const texts = new Set(Array.from({ length: walks }, () => walk() ?? ''))
      return { intent: intent.name, texts: [...texts].filter((text) => text !== '') }
    }),
  )
}

/** Every text that a row of the benchmark is of. */
export function measuredTexts(): readonly string[] {
  return [
    ...heldOutTemplates().flatMap(({ texts }) => texts),
    ...readParaphrases().map(({ text }) => text),
    ...readOutOfScope(),
  ]
}

/** As the classifier is given a text, on the sample site. */
export function tokensReader(): (text: string) => readonly string[] {
  const domain = parseDomain(read('edge-agent/domains/field-service.yaml'))
  const spoken = new SpokenNames(domain, SAMPLE_NAMES)
  return (text) => delexicalised(expanded(wordsOf(text)), spoken)
}

/** The digests of everything measured, in order, so that what is taught can do without and nobody need read it. */
export function measuredDigests(): readonly string[] {
  const tokensOf = tokensReader()
  return [...new Set(measuredTexts().map((text) => digestOfTokens(tokensOf(text))))].toSorted()
}

/** Whether a template of these domain files could have walked a text. */
export function walkReader(paths: readonly string[]): (text: string) => boolean {
  const matchers = paths.map(
    (path) =>
      new TextMatcher(compileDomain(withoutContractions(parseDomain(read(path), path)), SAMPLE_NAMES)),
  )
  return (text) =>
    matchers.some((matcher) => {
      const match = matcher.match(expanded(wordsOf(text)))
      return match !== null && (match.openWords === 0 || match.intent === 'note.record')
    })
}

/** Whether what is taught holds a template that could have walked a text, or it is a sentence that was written for it. */
export function taughtReader(taught: readonly Sentence[]): (text: string) => boolean {
  const [isWalk, tokensOf] = [walkReader(TAUGHT_DOMAINS), tokensReader()]
  const texts = new Set(taught.map(({ tokens }) => tokens.join(' ')))
  return (text) => texts.has(tokensOf(text).join(' ')) || isWalk(text)
}

/** Templates with “it is” for “it's”: a text is compared in one form only. */
function withoutContractions(domain: Domain): Domain {
  return {
    ...domain,
    phrases: Object.fromEntries(Object.entries(domain.phrases).map(([name, node]) => [name, whole(node)])),
    intents: domain.intents.map((intent) => ({ ...intent, templates: intent.templates.map(whole) })),
  }
}

function whole(node: TemplateNode): TemplateNode {
  switch (node.kind) {
    case 'word':
      return { kind: 'sequence', items: expanded([node.word]).map((word) => ({ kind: 'word', word })) }
    case 'sequence':
      return { kind: 'sequence', items: node.items.map(whole) }
    case 'choice':
      return { kind: 'choice', options: node.options.map(whole) }
    case 'optional':
      return { kind: 'optional', item: whole(node.item) }
    case 'slot':
    case 'phrase':
      return node
  }
}
