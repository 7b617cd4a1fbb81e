/** What a well-formed domain can still have wrong: names that nobody defined or uses, circles, and sizes. */
import type { Domain, SlotSpec } from './domain.ts'
import type { TemplateNode } from './template.ts'
import type { YamlFile, YamlPath } from './yaml-places.ts'

/**
 * Arcs of the grammar, phrases and lists written out where they stand. The decoder's net has several states an arc; a domain
 * of this size compiles in seconds and takes some hundred megabytes.
 */
const MAX_GRAMMAR_ARCS = 300_000

/** Where a file format keeps what a domain is made of. */
export interface Layout {
  readonly intents: YamlPath
  templates(intent: string): YamlPath
  phrases: YamlPath
}

/** Throws DomainRefused for the first name that nobody defined, circle, or size that is too large. */
export function checkNames(yaml: YamlFile, domain: Domain, layout: Layout): Uses {
  if (domain.intents.length === 0)
    yaml.refuse(layout.intents, 'the domain has no intents', 'Write at least one, with its templates.')
  const used = new Uses(yaml, domain, layout)
  for (const intent of domain.intents) {
    const slots = new Set<string>()
    const path = layout.templates(intent.name)
    intent.templates.forEach((template, index) =>
      used.visit(template, [...path, index], { within: [], slots }),
    )
    used.named.set(intent.name, slots)
  }
  checkSize(yaml, domain, layout)
  return used
}

/** Throws DomainRefused for the first phrase or slot that nothing uses, and for a required slot that nobody can say. */
export function checkUses(yaml: YamlFile, domain: Domain, used: Uses): void {
  for (const intent of domain.intents) {
    const path: YamlPath = ['intents', intent.name]
    const slots = used.named.get(intent.name) ?? new Set()
    intent.required.forEach((slot, index) => {
      if (!slots.has(slot))
        yaml.refuse(
          [...path, 'required', index],
          `no template of ${intent.name} has the slot “${slot}”`,
          `Write {${slot}} into one, or take it out of required.`,
        )
    })
  }
  for (const name of Object.keys(domain.phrases))
    if (!used.phrases.has(name))
      yaml.refuseKey(
        ['phrases', name],
        `the phrase “${name}” is not used`,
        `Write <${name}> into a template, or take it out.`,
      )
  for (const name of Object.keys(domain.slots))
    if (!used.slots.has(name))
      yaml.refuseKey(
        ['slots', name],
        `the slot “${name}” is not used`,
        `Write {${name}} into a template, or take it out.`,
      )
}

interface Seen {
  /** Phrases that this one stands in. */
  readonly within: readonly string[]
  /** Names of the slots that were met. */
  readonly slots: Set<string>
}

export class Uses {
  /** Intent -> the names of its slots. */
  readonly named = new Map<string, ReadonlySet<string>>()
  readonly slots = new Set<string>()
  readonly phrases = new Set<string>()
  /** Phrase -> the names of the slots in it. */
  readonly #slotsOf = new Map<string, Set<string>>()
  readonly #yaml: YamlFile
  readonly #domain: Domain
  readonly #layout: Layout

  constructor(yaml: YamlFile, domain: Domain, layout: Layout) {
    this.#yaml = yaml
    this.#domain = domain
    this.#layout = layout
  }

  visit(node: TemplateNode, path: YamlPath, seen: Seen): void {
    switch (node.kind) {
      case 'word':
        return
      case 'sequence':
        return node.items.forEach((item) => this.visit(item, path, seen))
      case 'choice':
        return node.options.forEach((option) => this.visit(option, path, seen))
      case 'optional':
        return this.visit(node.item, path, seen)
      case 'slot':
        if (!Object.hasOwn(this.#domain.slots, node.slot)) this.#unknown(path, 'slot', node.slot)
        this.slots.add(node.slot)
        seen.slots.add(node.as ?? node.slot)
        return
      case 'phrase': {
        const phrase = Object.hasOwn(this.#domain.phrases, node.phrase)
          ? this.#domain.phrases[node.phrase]
          : undefined
        if (phrase === undefined) return this.#unknown(path, 'phrase', node.phrase)
        const inside: YamlPath = [...this.#layout.phrases, node.phrase]
        if (seen.within.includes(node.phrase))
          this.#yaml.refuse(
            inside,
            `the phrase “${node.phrase}” names itself${through(seen.within, node.phrase)}`,
            'Take the circle out.',
          )
        // Once each: phrases that double in each other would otherwise be walked for hours.
        const own = this.#slotsOf.get(node.phrase) ?? new Set<string>()
        if (!this.#slotsOf.has(node.phrase)) {
          this.visit(phrase, inside, { slots: own, within: [...seen.within, node.phrase] })
          this.#slotsOf.set(node.phrase, own)
        }
        this.phrases.add(node.phrase)
        for (const slot of own) seen.slots.add(slot)
      }
    }
  }

  /** The place of `{name}` or `<name>` itself, not of the template that it stands in. */
  #unknown(path: YamlPath, kind: 'slot' | 'phrase', name: string): never {
    const mark = kind === 'slot' ? `{${name}` : `<${name}`
    return this.#yaml.refuseAt(path, mark, {
      why: `there is no ${kind} “${name}”`,
      remedy: `Define it under ${kind}s, or look for a slip of the hand.`,
    })
  }
}

function through(within: readonly string[], name: string): string {
  const circle = within.slice(within.indexOf(name) + 1)
  return circle.length === 0 ? '' : `, through ${circle.join(', ')}`
}

function checkSize(yaml: YamlFile, domain: Domain, layout: Layout): void {
  const sizes = new Sizes(domain)
  const largest = { name: '', arcs: 0 }
  let arcs = 0
  for (const intent of domain.intents) {
    const own = intent.templates.reduce((sum, template) => sum + sizes.of(template), 0)
    arcs += own
    if (own > largest.arcs) Object.assign(largest, { name: intent.name, arcs: own })
  }
  if (arcs > MAX_GRAMMAR_ARCS)
    yaml.refuseKey(
      [...layout.intents, largest.name],
      `the grammar is too large: about ${arcs.toLocaleString('en')} arcs, ${largest.arcs.toLocaleString('en')} of them in ${largest.name}, where ${MAX_GRAMMAR_ARCS.toLocaleString('en')} are the most`,
      'Put alternatives that end alike into one template, or split the domain.',
    )
}

/** Arcs of a node without building it: phrases that double in each other would fill the memory before they are counted. */
class Sizes {
  readonly #domain: Domain
  readonly #phrases = new Map<string, number>()

  constructor(domain: Domain) {
    this.#domain = domain
  }

  of(node: TemplateNode): number {
    switch (node.kind) {
      case 'word':
        return 1
      case 'sequence':
        return node.items.reduce((sum, item) => sum + this.of(item), 0)
      case 'choice':
        return node.options.reduce((sum, option) => sum + 1 + this.of(option), 0)
      case 'optional':
        return 2 + this.of(node.item)
      case 'slot': {
        const spec = this.#domain.slots[node.slot]
        return spec === undefined ? 0 : slotSize(spec)
      }
      case 'phrase': {
        const known = this.#phrases.get(node.phrase)
        if (known !== undefined) return known
        const phrase = this.#domain.phrases[node.phrase]
        const size = phrase === undefined ? 0 : this.of(phrase)
        this.#phrases.set(node.phrase, size)
        return size
      }
    }
  }
}

/** Of numbers, about as many as there are number words. */
const NUMBER_ARCS = 400
/** Of days and times: each stands once before and once after the other. */
const MOMENT_ARCS = 2_000

function slotSize(spec: SlotSpec): number {
  if (spec.type === 'text') return 3
  if (spec.type === 'datetime') return MOMENT_ARCS
  if (spec.type !== 'list') return NUMBER_ARCS
  return Object.entries(spec.values).reduce(
    (sum, [value, others]) =>
      sum + [value, ...others].reduce((words, text) => words + text.split(/\s+/).length + 1, 0),
    0,
  )
}
