/**
 * Training sentences for the intent classifier, as JSON lines on standard output: walks through the domain's own grammar by a
 * seed, the hand-written paraphrases, and sentences that want nothing from us. Each is tokens as the classifier gets them, so
 * that the text is normalised in one place only.
 *
 *     node dist/edge-agent/models/training/intent/sentences.js > sentences.jsonl
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import * as v from 'valibot'
import { packageRoot } from '../../../../shared/package-root.ts'
import { AMENDING, compileDomain } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import type { Net, NetArc } from '../../../grammar/net.ts'
import { delexicalised } from '../../../intent/delexicalise.ts'
import { expanded, wordsOf } from '../../../intent/normalise.ts'
import { SpokenNames } from '../../../intent/spoken-names.ts'

const PER_TEMPLATE = 250
/** Of the frames with a foreign thing in them. */
const FOREIGN = 1_600
const SEED = 7
const MAX_STEPS = 400

const named = (name: string) => ({ id: name, names: [name] })
/** Names to train with: other devices have others, and the classifier sees none of them. */
const NAMES = {
  assets: [
    'feed water pump',
    'pump one',
    'boiler two',
    'north chiller',
    'cooling tower',
    'air compressor',
    'generator',
    'heat exchanger four',
    'lift four',
  ].map(named),
  parts: [
    'mechanical seal',
    'oil filter',
    'filter',
    'drive belt',
    'gasket',
    'impeller',
    'safety valve',
    'fuse',
    'bearing',
  ].map(named),
  workOrders: ['427', '9120', '3315', '508'],
}
const OPEN_PHRASES = [
  'the coupling is worn',
  'there is a leak at the flange',
  'replaced the filter',
  'which valve do i close',
  'the noise is gone',
  'customer was not at home',
  'paint is coming off the cover',
  'that',
  'the next one',
]

/** Mulberry32: small, seeded, good enough to shuffle. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function walk(net: Net, leaving: readonly (readonly NetArc[])[], random: () => number): string | null {
  const words: string[] = []
  let state = net.start
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const arcs = (leaving[state] ?? []).filter(
      ({ label }) => label.kind !== 'typed' && (label.kind !== 'open' || label.spoken),
    )
    if (net.finals.has(state) && (arcs.length === 0 || random() < 0.7)) return words.join(' ')
    const arc = arcs[Math.floor(random() * arcs.length)]
    if (arc === undefined) return null
    if (arc.label.kind === 'word') words.push(arc.label.word)
    if (arc.label.kind === 'open') {
      words.push(OPEN_PHRASES[Math.floor(random() * OPEN_PHRASES.length)] ?? '')
      const closing = (leaving[arc.to] ?? []).find(({ label }) => label.kind === 'end')
      state = closing?.to ?? arc.to
    } else state = arc.to
  }
  return null
}

interface Sentence {
  readonly intent: string
  readonly source: 'grammar' | 'written' | 'foreign'
  /** Of a walk: which template, so that whole templates can be held back. */
  readonly template: number | null
  readonly tokens: readonly string[]
}

function walked(domain: Domain, random: () => number): readonly (Omit<Sentence, 'tokens'> & { text: string })[] {
  const learnt = domain.intents.filter(({ name }) => name !== AMENDING)
  return learnt.flatMap((intent) =>
    intent.templates.flatMap((only, template) => {
      const net = compileDomain({ ...domain, intents: [{ ...intent, templates: [only] }] }, NAMES)
      const leaving: NetArc[][] = Array.from({ length: net.stateCount }, () => [])
      for (const arc of net.arcs) leaving[arc.from]?.push(arc)
      const texts = new Set<string>()
      for (let tries = 0; tries < PER_TEMPLATE * 4 && texts.size < PER_TEMPLATE; tries += 1) {
        const text = walk(net, leaving, random)
        if (text !== null && text !== '') texts.add(text)
      }
      return [...texts].map((text) => ({ intent: intent.name, text, template, source: 'grammar' as const }))
    }),
  )
}

/** A word that is in no language: what the classifier must not take for a thing of ours. */
function nonce(random: () => number): string {
  const pick = (letters: string): string => letters[Math.floor(random() * letters.length)] ?? ''
  return Array.from({ length: 2 + Math.floor(random() * 2) }, () => pick('bcdfghjklmnprstvwz') + pick('aeiou')).join('')
}

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')
const domain = parseDomain(read('edge-agent/domains/field-service.yaml'))
const Line = v.pipe(v.string(), v.minLength(1))
const written = v.parse(
  v.strictObject({
    sentences: v.record(v.string(), v.array(Line)),
    frames: v.array(Line),
    foreign: v.array(Line),
  }),
  parse(read('edge-agent/models/training/intent/paraphrases.yaml')),
)
const random = seeded(SEED)
const spoken = new SpokenNames(domain, NAMES)
const seen = new Set<string>()

function tell(sentence: Omit<Sentence, 'tokens'>, text: string): void {
  // Tokens in < > are written as such by hand, and are no words.
  const words = text.split(/(<[a-z]+>)/).flatMap((part) => (part.startsWith('<') ? [part] : expanded(wordsOf(part))))
  const tokens = delexicalised(words, spoken)
  const key = `${sentence.intent} ${sentence.source} ${tokens.join(' ')}`
  if (tokens.length === 0 || seen.has(key)) return
  seen.add(key)
  process.stdout.write(`${JSON.stringify({ ...sentence, tokens })}\n`)
}

for (const { text, ...sentence } of walked(domain, random)) tell(sentence, text)
for (const [intent, texts] of Object.entries(written.sentences))
  for (const text of texts) tell({ intent, source: 'written', template: null }, text)
for (let made = 0; made < FOREIGN; made += 1) {
  const frame = written.frames[Math.floor(random() * written.frames.length)] ?? ''
  const thing = random() < 0.3 ? nonce(random) : written.foreign[Math.floor(random() * written.foreign.length)]
  tell({ intent: 'out_of_scope', source: 'foreign', template: null }, frame.replace('X', thing ?? ''))
}
