/** Compiles a domain, with the names that this device knows, into one net. */
import { addSlot, type ListEntry, type SlotType } from './slot-types.ts'
import type { Domain, SlotSpec } from './domain.ts'
import { NetBuilder, type Net } from './net.ts'
import { saidWords } from './said-words.ts'
import { DIGIT_WORDS, OH, sayDigits } from './spoken-numbers.ts'
import type { TemplateNode } from './template.ts'

/** What people on this device may name. */
export interface KnownNames {
  readonly assets: readonly { readonly id: string; readonly names: readonly string[] }[]
  readonly parts: readonly { readonly id: string; readonly names: readonly string[] }[]
  readonly workOrders: readonly string[]
}

/** Said before or after anything; costs a little, so that it is heard only when it is there. */
const POLITE_BEFORE = [['please'], ['okay'], ['hey', 'starling'], ['starling']] as const
const POLITE_AFTER = [['please'], ['now'], ['thanks'], ['thank', 'you']] as const
const POLITE_WEIGHT = -12
/** Between two wishes of one utterance. */
const JOINS = [['and'], ['and', 'then'], ['then']] as const
const JOIN_WEIGHT = -60
/** The intent by which a change of the wish before is heard: it may follow a wish without a word between. */
export const AMENDING = 'turn.amend'

export function compileDomain(domain: Domain, names: KnownNames): Net {
  const net = new NetBuilder()
  const slots = new Map(Object.entries(domain.slots).map(([name, spec]) => [name, slotTypeOf(spec, names)]))
  const begin = net.state()
  net.arc(0, begin, { kind: 'empty' })
  for (const words of domain.polite ? POLITE_BEFORE : []) {
    const polite = net.state()
    net.arc(0, polite, { kind: 'empty' }, POLITE_WEIGHT)
    net.words(polite, words, begin)
  }
  const amending = net.state()
  net.arc(begin, amending, { kind: 'empty' })
  for (const intent of domain.intents) {
    const said = net.state()
    const from = intent.name === AMENDING ? amending : begin
    for (const template of intent.templates)
      net.arc(add({ net, domain, slots }, from, template), said, { kind: 'empty' })
    net.end(said, intent.name)
    if (domain.polite) {
      for (const words of JOINS) net.join(said, words, begin, JOIN_WEIGHT)
      net.join(said, [], amending, JOIN_WEIGHT)
    }
    if (!domain.polite) continue
    const thanked = net.state()
    for (const words of POLITE_AFTER) {
      const polite = net.state()
      net.arc(said, polite, { kind: 'empty' }, POLITE_WEIGHT)
      net.words(polite, words, thanked)
    }
    net.end(thanked, intent.name)
  }
  return net.build()
}

interface Compiling {
  readonly net: NetBuilder
  readonly domain: Domain
  readonly slots: ReadonlyMap<string, SlotType>
}

function add(to: Compiling, from: number, node: TemplateNode): number {
  const { net } = to
  switch (node.kind) {
    case 'word':
      return net.words(from, [node.word])
    case 'sequence':
      return node.items.reduce((at, item) => add(to, at, item), from)
    case 'choice': {
      const end = net.state()
      for (const option of node.options) net.arc(add(to, from, option), end, { kind: 'empty' })
      return end
    }
    case 'optional': {
      const end = net.state()
      net.arc(from, end, { kind: 'empty' })
      net.arc(add(to, from, node.item), end, { kind: 'empty' })
      return end
    }
    case 'slot': {
      const type = to.slots.get(node.slot)
      // The domain's parser has checked that the slot is there.
      return type === undefined ? from : addSlot(net, from, node.as ?? node.slot, type)
    }
    case 'phrase': {
      const phrase = to.domain.phrases[node.phrase]
      return phrase === undefined ? from : add(to, from, phrase)
    }
  }
}

function slotTypeOf(spec: SlotSpec, names: KnownNames): SlotType {
  switch (spec.type) {
    case 'digits':
      return {
        kind: 'digits',
        known: spec.from === undefined ? [] : names.workOrders,
        limits: spec.length ?? null,
      }
    case 'number':
    case 'count':
      return { kind: spec.type, limits: spec.range ?? null }
    case 'text':
    case 'datetime':
      return { kind: spec.type }
    case 'list':
      return { kind: 'list', entries: listEntries(spec, names), open: spec.from !== undefined }
  }
}

/** What may be said for a list slot on a device that knows these names. */
export function listEntries(
  spec: Extract<SlotSpec, { type: 'list' }>,
  names: KnownNames,
): readonly ListEntry[] {
  const own = Object.entries(spec.values).map(([value, others]) => ({
    value,
    says: [value, ...others].map(saidWords),
    typed: [],
  }))
  const known =
    spec.from === undefined ? [] : names[spec.from].map((named) => entryOf(named, spec.from === 'parts'))
  return [...own, ...known]
}

/** The first name is what the slot gets: it is unique among the things of a list, and people recognise it. */
function entryOf({ names }: { readonly names: readonly string[] }, counted: boolean): ListEntry {
  const [first = ''] = names
  const single = names.flatMap(spokenForms)
  const says = distinct(counted ? [...single, ...single.flatMap(pluralOf)] : single)
  const typed = distinct([...says.map(typedForm), ...names.map(piecesOf)])
  const spoken = new Set(says.map((words) => words.join(' ')))
  return { value: first, says, typed: typed.filter((tokens) => !spoken.has(tokens.join(' '))) }
}

function distinct(forms: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(forms.filter(({ length }) => length > 0).map((form) => [form.join(' '), form])).values()]
}

/** "pump one" as `pump 1`, "p one zero one" as `p 101`. */
function typedForm(words: readonly string[]): readonly string[] {
  const tokens: string[] = []
  let digits = ''
  for (const word of [...words, null]) {
    const digit = word === null ? -1 : word === OH ? 0 : DIGIT_WORDS.indexOf(word)
    if (digit >= 0) digits += String(digit)
    else {
      if (digits !== '') tokens.push(digits)
      digits = ''
      if (word !== null) tokens.push(word)
    }
  }
  return tokens
}

/** "two mechanical seals": of what is counted, several are said too. */
function pluralOf(words: readonly string[]): readonly (readonly string[])[] {
  const last = words.at(-1) ?? ''
  if (last.length < 3 || last.endsWith('s') || DIGIT_WORDS.includes(last)) return []
  const plural = /(?:ch|sh|x|z)$/.test(last)
    ? `${last}es`
    : /[^aeiou]y$/.test(last)
      ? `${last.slice(0, -1)}ies`
      : `${last}s`
  return [[...words.slice(0, -1), plural]]
}

/** How a name is said: its words; letters one by one or by the radio alphabet, digits one by one, zero also as "oh". */
export function spokenForms(name: string): readonly (readonly string[])[] {
  const isTag = /\d/.test(name) && !name.includes(' ')
  const spell = (letters: (piece: string) => readonly string[]): readonly string[] =>
    piecesOf(name).flatMap((piece) => {
      if (/^\d/.test(piece)) return sayDigits(piece)
      return isTag && piece.length <= MAX_SPELLED ? letters(piece) : [piece]
    })
  const plain = spell((piece) => Array.from(piece))
  const radio = spell((piece) => Array.from(piece, (letter) => RADIO_ALPHABET.get(letter) ?? letter))
  const forms = distinct([plain, radio])
  return forms.flatMap((words) =>
    words.includes('zero') ? [words, words.map((word) => (word === 'zero' ? OH : word))] : [words],
  )
}

/** Longer runs of letters in a tag are read as a word. */
const MAX_SPELLED = 3

function piecesOf(name: string): readonly string[] {
  return name.toLowerCase().match(/[a-z']+|\d+/g) ?? []
}

const RADIO_ALPHABET: ReadonlyMap<string, string> = new Map(
  `alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra
  tango uniform victor whiskey x yankee zulu`
    .split(/\s+/)
    .map((word) => [word.slice(0, 1), word]),
)
