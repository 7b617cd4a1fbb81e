/** PostgreSQL's text form of arrays: `{1,NULL,"a,b",{2}}` (https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO). */

export type ArrayText = readonly (string | null | ArrayText)[]

/** Writes an array literal; `element` renders a leaf that is not null. */
export function encodeArray(values: readonly unknown[], element: (value: unknown) => string): string {
  const parts = values.map((value) => {
    if (value === null) return 'NULL'
    if (Array.isArray(value)) return encodeArray(value, element)
    return `"${element(value).replaceAll(/["\\]/g, '\\$&')}"`
  })
  return `{${parts.join(',')}}`
}

/** Reads an array literal into the texts of its elements. Bounds such as `[0:1]={…}` are dropped. */
export function decodeArray<T>(text: string, element: (text: string) => T): T[] {
  const start = text.indexOf('{')
  return new ArrayReader(text, start + 1, element).list() as T[]
}

class ArrayReader<T> {
  readonly #text: string
  readonly #element: (text: string) => T
  #at: number

  constructor(text: string, at: number, element: (text: string) => T) {
    this.#text = text
    this.#at = at
    this.#element = element
  }

  list(): unknown[] {
    const items: unknown[] = []
    while (this.#at < this.#text.length) {
      const letter = this.#text[this.#at]
      if (letter === '}') {
        this.#at++
        return items
      }
      if (letter === ',') this.#at++
      else items.push(this.#item(letter))
    }
    return items
  }

  #item(letter: string | undefined): unknown {
    if (letter === '{') {
      this.#at++
      return this.list()
    }
    if (letter === '"') return this.#element(this.#quoted())
    const start = this.#at
    while (this.#at < this.#text.length && !',}'.includes(this.#text[this.#at] ?? '')) this.#at++
    const word = this.#text.slice(start, this.#at)
    return word === 'NULL' ? null : this.#element(word)
  }

  #quoted(): string {
    let out = ''
    for (this.#at++; this.#text[this.#at] !== '"' && this.#at < this.#text.length; this.#at++) {
      if (this.#text[this.#at] === '\\') this.#at++
      out += this.#text[this.#at] ?? ''
    }
    this.#at++
    return out
  }
}
