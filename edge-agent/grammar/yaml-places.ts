/** A YAML file with the place of everything in it, down to a character within a string. */
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node, type Scalar } from 'yaml'
import { DomainRefused, type Place } from './domain-refused.ts'

export type YamlPath = readonly (string | number)[]

export class YamlFile {
  readonly file: string
  readonly value: unknown
  readonly #text: string
  readonly #document: Document
  readonly #lines: LineCounter

  /** Throws {@link DomainRefused} for a text that is not YAML, or that names a key twice. */
  constructor(text: string, file: string) {
    this.file = file
    this.#text = text
    this.#lines = new LineCounter()
    this.#document = parseDocument(text, { lineCounter: this.#lines })
    const [fault] = this.#document.errors
    if (fault !== undefined) {
      const place = this.#at(fault.pos[0])
      if (fault.code === 'DUPLICATE_KEY')
        throw new DomainRefused(
          { file, place },
          `“${this.#wordAt(fault.pos[0])}” is defined twice`,
          'Keep one of the two, or put their contents together.',
        )
      const why = fault.message.split('\n')[0] ?? 'it is not YAML'
      throw new DomainRefused(
        { file, place },
        why.replace(/ at line \d+, column \d+:?$/, ''),
        'Mend the YAML there.',
      )
    }
    this.value = this.#document.toJS()
  }

  /** Throws {@link DomainRefused} for the value at `path`, or the nearest above it that is there. */
  refuse(path: YamlPath, why: string, remedy: string): never {
    throw new DomainRefused({ file: this.file, place: this.#placeOf(path) }, why, remedy)
  }

  /** The same for a key instead of its value. */
  refuseKey(path: YamlPath, why: string, remedy: string): never {
    const offset = this.#keyOf(path)?.range?.[0]
    if (offset === undefined) this.refuse(path, why, remedy)
    throw new DomainRefused({ file: this.file, place: this.#at(offset) }, why, remedy)
  }

  /** The same for the character `index` (from 0) of the string at `path`. */
  refuseWithin(
    path: YamlPath,
    index: number,
    fault: { readonly why: string; readonly remedy: string },
  ): never {
    const node = this.#node(path)
    if (!isScalar(node) || typeof node.value !== 'string') this.refuse(path, fault.why, fault.remedy)
    const place = this.#at(this.#offsetWithin(node, node.value, index))
    throw new DomainRefused({ file: this.file, place }, fault.why, fault.remedy)
  }

  /** The same for where `part` stands in the string at `path`. */
  refuseAt(path: YamlPath, part: string, fault: { readonly why: string; readonly remedy: string }): never {
    const node = this.#node(path)
    const index = isScalar(node) && typeof node.value === 'string' ? node.value.indexOf(part) : -1
    return this.refuseWithin(path, Math.max(0, index), fault)
  }

  #placeOf(path: YamlPath): Place | null {
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = this.#node(path.slice(0, length))?.range?.[0]
      if (offset !== undefined) return this.#at(offset)
    }
    return null
  }

  #node(path: YamlPath): Node | undefined {
    const found = path.length === 0 ? this.#document.contents : this.#document.getIn(path, true)
    return (found ?? undefined) as Node | undefined
  }

  #keyOf(path: YamlPath): Node | undefined {
    const map = this.#node(path.slice(0, -1))
    if (!isMap(map)) return undefined
    const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)))
    return isScalar(pair?.key) ? pair.key : undefined
  }

  /** Walks the source and the string together: quotes, escapes, folded lines and indentation are in one of them only. */
  #offsetWithin(node: Scalar, value: string, index: number): number {
    let at = node.range?.[0] ?? 0
    if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') at += 1
    else if (node.type !== 'PLAIN') {
      at = this.#text.indexOf('\n', at) + 1
      while (this.#text[at] === ' ') at += 1
    }
    for (let done = 0; done < index && at < this.#text.length; done += 1) {
      const folded = /^[ \t]*\r?\n\s*/.exec(this.#text.slice(at))
      if (folded !== null && /\s/.test(value[done] ?? '')) at += folded[0].length
      else if (node.type === 'QUOTE_DOUBLE' && this.#text[at] === '\\') at += escapeLength(this.#text[at + 1])
      else at += node.type === 'QUOTE_SINGLE' && this.#text[at] === "'" ? 2 : 1
    }
    return at
  }

  #wordAt(offset: number): string {
    return /^[^\s:]*/.exec(this.#text.slice(offset))?.[0] ?? ''
  }

  #at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col }
  }
}

function escapeLength(letter: string | undefined): number {
  return letter === 'x' ? 4 : letter === 'u' ? 6 : letter === 'U' ? 10 : 2
}
