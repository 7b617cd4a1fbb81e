/** Finds the names of a domain's lists in words: the longest that begins at a place. */
import { listEntries, type KnownNames } from '../grammar/compile.ts'
import type { Domain } from '../grammar/domain.ts'

export interface FoundName {
  readonly value: string
  /** Index of its first word, and of the word after its last. */
  readonly from: number
  readonly to: number
}

interface Named {
  readonly words: readonly string[]
  readonly value: string
}

export class SpokenNames {
  /** Slot -> first word -> names, longest first. */
  readonly #slots = new Map<string, ReadonlyMap<string, readonly Named[]>>()

  constructor(domain: Domain, names: KnownNames) {
    for (const [slot, spec] of Object.entries(domain.slots)) {
      if (spec.type !== 'list') continue
      const byFirst = new Map<string, Named[]>()
      for (const { value, says, typed } of listEntries(spec, names))
        for (const words of [...says, ...typed]) {
          const first = words[0] ?? ''
          byFirst.set(first, [...(byFirst.get(first) ?? []), { words, value }])
        }
      for (const named of byFirst.values()) named.sort((a, b) => b.words.length - a.words.length)
      this.#slots.set(slot, byFirst)
    }
  }

  /** The longest name of a list slot that begins with the word at `from`; null when none does. */
  at(slot: string, words: readonly string[], from: number): FoundName | null {
    const named = this.#slots.get(slot)?.get(words[from] ?? '') ?? []
    const found = named.find((name) => name.words.every((word, index) => words[from + index] === word))
    return found === undefined ? null : { value: found.value, from, to: from + found.words.length }
  }

  /** The list slots of which a name begins with the word at `from`. */
  listsAt(words: readonly string[], from: number): readonly string[] {
    return [...this.#slots.keys()].filter((slot) => this.at(slot, words, from) !== null)
  }

  /** What a list slot may come to. */
  valuesOf(slot: string): ReadonlySet<string> {
    const named = [...(this.#slots.get(slot)?.values() ?? [])].flat()
    return new Set(named.map(({ value }) => value))
  }

  /** Every name of a list slot in the words, from left to right, none within another. */
  all(slot: string, words: readonly string[]): readonly FoundName[] {
    const found: FoundName[] = []
    for (let from = 0; from < words.length;) {
      const name = this.at(slot, words, from)
      if (name === null) from += 1
      else {
        found.push(name)
        from = name.to
      }
    }
    return found
  }
}
