/** Sentences that a domain's templates produce, with the meaning that each was made from. */
import type { Json, JsonObject } from '../../shared/json.ts'
import { listEntries, type KnownNames } from '../grammar/compile.ts'
import type { Domain, DomainIntent, SlotSpec } from '../grammar/domain.ts'
import { OH, sayCardinal, sayDigits, sayNumber } from '../grammar/spoken-numbers.ts'
import type { TemplateNode } from '../grammar/template.ts'
import type { Random } from './random.ts'
import { SAMPLE_MOMENTS, SAMPLE_TEXTS } from './sample-names.ts'

export interface Walk {
  readonly words: readonly string[]
  readonly intent: string
  /** Index of its template. */
  readonly template: number
  readonly slots: JsonObject
}

export interface WalkPlan {
  readonly names: KnownNames
  readonly random: Random
  /** For slots that take any words. */
  readonly texts?: readonly string[]
}

interface Said {
  readonly words: string[]
  readonly slots: Record<string, Json>
}

/** How often an optional part is said. */
const OPTIONAL = 0.5
const POLITE = 0.15
/** Numbers without a range in the domain. */
const USUAL_NUMBER = 200
const USUAL_COUNT = 12
const USUAL_DIGITS = { from: 3, to: 5 } as const

export class Walker {
  readonly #domain: Domain
  readonly #names: KnownNames
  readonly #random: Random
  readonly #texts: readonly string[]

  constructor(domain: Domain, { names, random, texts = SAMPLE_TEXTS }: WalkPlan) {
    this.#domain = domain
    this.#names = names
    this.#random = random
    this.#texts = texts
  }

  /** One sentence of one template; null when a list of the device's own is empty here. */
  walk(intent: DomainIntent, template: number): Walk | null {
    const node = intent.templates[template]
    const said: Said = { words: [], slots: {} }
    if (node === undefined || !this.#say(node, said)) return null
    const { words, slots } = said
    if (this.#domain.polite && this.#random.next() < POLITE) {
      if (this.#random.next() < 0.5) words.unshift('please')
      else words.push('please')
    }
    return words.length === 0 ? null : { words, intent: intent.name, template, slots }
  }

  #say(node: TemplateNode, said: Said): boolean {
    switch (node.kind) {
      case 'word':
        said.words.push(node.word)
        return true
      case 'sequence':
        return node.items.every((item) => this.#say(item, said))
      case 'choice': {
        const option = this.#random.pick(node.options)
        return option !== undefined && this.#say(option, said)
      }
      case 'optional':
        return this.#random.next() < OPTIONAL ? this.#say(node.item, said) : true
      case 'phrase': {
        const phrase = this.#domain.phrases[node.phrase]
        return phrase !== undefined && this.#say(phrase, said)
      }
      case 'slot': {
        const spec = this.#domain.slots[node.slot]
        const sample = spec === undefined ? null : this.#sample(spec)
        if (sample === null) return false
        said.words.push(...sample.words)
        // Said twice, the first one counts, as when a text is read.
        said.slots[node.as ?? node.slot] ??= sample.value
        return true
      }
    }
  }

  #sample(spec: SlotSpec): { readonly words: readonly string[]; readonly value: Json } | null {
    const random = this.#random
    switch (spec.type) {
      case 'list': {
        const entry = random.pick(listEntries(spec, this.#names))
        const words = entry === undefined ? undefined : random.pick(entry.says)
        return entry === undefined || words === undefined ? null : { words, value: entry.value }
      }
      case 'digits': {
        const digits = this.#digits(spec)
        const words = sayDigits(digits)
        return {
          words: random.next() < 0.3 ? words.map((word) => (word === 'zero' ? OH : word)) : words,
          value: digits,
        }
      }
      case 'number': {
        const { from, to } = spec.range ?? { from: 0, to: USUAL_NUMBER }
        const whole = from + random.below(to - from + 1)
        const value = whole < to && random.next() < 0.3 ? whole + random.below(10) / 10 : whole
        return { words: sayNumber(value), value }
      }
      case 'count': {
        const { from, to } = spec.range ?? { from: 1, to: USUAL_COUNT }
        const value = from + random.below(to - from + 1)
        return { words: sayCardinal(value), value }
      }
      case 'datetime': {
        const said = random.pick(SAMPLE_MOMENTS) ?? ''
        return { words: said.split(' '), value: said }
      }
      case 'text': {
        const text = random.pick(this.#texts) ?? ''
        return { words: text.split(' '), value: text }
      }
    }
  }

  #digits(spec: Extract<SlotSpec, { type: 'digits' }>): string {
    const known = spec.from === undefined ? [] : this.#names.workOrders
    const chosen = this.#random.pick(known)
    if (chosen !== undefined) return chosen
    const { from, to } = spec.length ?? USUAL_DIGITS
    const length = from + this.#random.below(to - from + 1)
    return Array.from({ length }, () => String(this.#random.below(10))).join('')
  }
}
