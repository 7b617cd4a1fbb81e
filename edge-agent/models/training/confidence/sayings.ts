/** What is said to a recogniser whose confidence is fitted: sentences of several domains, and of none. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import { packageRoot } from '../../../../shared/package-root.ts'
import { pick } from '../../../../shared/seeded.ts'
import { compileDomain, type KnownNames } from '../../../grammar/compile.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'
import type { Voice } from './voices.ts'
import { walker, withoutPoliteness } from '../walks.ts'

export const NAMES: KnownNames = {
  assets: ['feed water pump', 'main boiler', 'north chiller', 'lift four', 'P-102', 'HX-7'].map(named),
  parts: ['mechanical seal', 'oil filter', 'drive belt', 'door gasket', 'impeller', 'relay'].map(named),
  workOrders: ['427', '9120', '3315', '508'],
}

function named(name: string) {
  return { id: name, names: [name] }
}

const read = (path: string): string => readFileSync(new URL(path, packageRoot()), 'utf8')

/** A domain without what may be anything: whether open words are right is another question. */
function closed(domain: Domain): Domain {
  return { ...domain, intents: domain.intents.filter(({ required }) => !required.includes('text')) }
}

/** Sentences of no domain. */
export function elsewhereSaid(): readonly string[] {
  return read('edge-agent/models/training/confidence/elsewhere.txt').trim().split('\n')
}

/** espeak-ng's variants of a language's voice: throats of men and women. */
const FOREIGN_VARIANTS = ['', '+m2', '+m4', '+m8', '+f1', '+f5']

/** One who speaks a language that nobody speaks to Starling, and everyday sentences of it. */
export function foreignVoice(random: () => number): { readonly voice: Voice; readonly texts: readonly string[] } {
  const [language, texts] = pick(Object.entries(foreignSentences()), random)
  return { voice: { engine: 'espeak-ng', name: `${language}${pick(FOREIGN_VARIANTS, random)}` }, texts }
}

/** Of each language, by espeak-ng's name of it. */
function foreignSentences(): Readonly<Record<string, readonly string[]>> {
  const file: unknown = parse(read('edge-agent/models/training/confidence/foreign.yaml'))
  return v.parse(v.record(v.string(), v.pipe(v.array(v.string()), v.minLength(1))), file)
}

export interface Listener {
  readonly domain: Domain
  /** A sentence of its own. */
  own(): string | null
  /** One that is none of its sentences. */
  foreign(): string | null
}

export function listeners(random: () => number): readonly Listener[] {
  const elsewhere = elsewhereSaid()
  const field = parseDomain(read('edge-agent/domains/field-service.yaml'))
  const other = parseDomain(read('edge-agent/models/training/confidence/other.yaml'))
  const short = parseDomain(read('edge-agent/models/training/confidence/short.yaml'))
  const calls = parseDomain(read('edge-agent/domains/contact-centre.yaml'))
  const notes = parseDomain(read('edge-agent/models/training/language/notes.yaml'))
  const anywhere = (): string => pick(elsewhere, random)
  const walk = (domain: Domain) => walker(compileDomain(domain, NAMES), random, anywhere)
  const [fieldWalk, otherWalk, noteWalk, shortWalk] = [walk(closed(field)), walk(other), walk(notes), walk(short)]
  const callWalk = walk(closed(calls))
  // A word or two is the hardest to tell from a command: there is so little of it.
  const foreignTo = (...theirs: (() => string | null)[]) => () => pick([...theirs, anywhere], random)()
  const opening = ['note that', 'make a note that', 'add a note that', 'take a note']
  const note = (): string => `${pick(opening, random)} ${random() < 0.7 ? withoutPoliteness(noteWalk() ?? '') : anywhere()}`
  return [
    { domain: field, own: fieldWalk, foreign: foreignTo(otherWalk, shortWalk, callWalk) },
    { domain: other, own: otherWalk, foreign: foreignTo(fieldWalk, shortWalk, callWalk) },
    { domain: short, own: shortWalk, foreign: foreignTo(otherWalk, callWalk) },
    { domain: field, own: note, foreign: foreignTo(otherWalk, shortWalk, callWalk) },
  ]
}

