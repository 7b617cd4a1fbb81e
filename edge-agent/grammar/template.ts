/**
 * The template language of domains: words, `( this | that )`, `[ maybe ]`, `{slot}`, `{slot:name}` for a second slot of one
 * kind, and `<phrase>`. A recursive-descent parser whose errors name the column and what to write instead.
 */
import { StarlingError } from '../../shared/errors.ts'

export type TemplateNode =
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'sequence'; readonly items: readonly TemplateNode[] }
  | { readonly kind: 'choice'; readonly options: readonly TemplateNode[] }
  | { readonly kind: 'optional'; readonly item: TemplateNode }
  /** `as` is the name that the value gets, where it is not the slot's own. */
  | { readonly kind: 'slot'; readonly slot: string; readonly as?: string }
  | { readonly kind: 'phrase'; readonly phrase: string }

export class TemplateRefused extends StarlingError {
  override readonly code = 'template_refused'
  /** From 1. */
  readonly column: number
  /** The message without the column. */
  readonly why: string

  constructor(column: number, why: string, remedy: string) {
    super(`${why} (column ${column})`, { remedy, details: { column } })
    this.column = column
    this.why = why
  }
}

/** Deeper nesting than this is a slip of the hand. */
const MAX_DEPTH = 12
const NAME = '[A-Za-z_][A-Za-z0-9_]*'
const TOKEN = new RegExp(
  `\\s*(?:([()[\\]|])|\\{\\s*(${NAME})(?:\\s*:\\s*(${NAME}))?\\s*\\}|<\\s*(${NAME})\\s*>|(\\p{L}+(?:['’-]\\p{L}+)*['’]?))`,
  'guy',
)

type Token = {
  readonly column: number
  readonly text: string
  readonly kind: 'mark' | 'slot' | 'phrase' | 'word'
  readonly as?: string
}

/** Throws {@link TemplateRefused}. */
export function parseTemplate(text: string): TemplateNode {
  const tokens = tokensOf(text)
  const reader = new Reader(tokens, text.length + 1)
  const node = reader.choice(0)
  reader.mustEnd()
  return node
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  let at = 0
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) {
      const column = at + (text.slice(at).length - text.slice(at).trimStart().length) + 1
      throw new TemplateRefused(
        column,
        `“${text.slice(column - 1, column + 9)}” is not part of a template`,
        'Write words, (a|b), [maybe], {slot} or <phrase>; write numbers as words.',
      )
    }
    const [all, mark, slot, as, phrase, word] = match
    const column = at + all.length - all.trimStart().length + 1
    if (mark !== undefined) tokens.push({ column, text: mark, kind: 'mark' })
    else if (slot !== undefined)
      tokens.push({ column, text: slot, kind: 'slot', ...(as === undefined || as === slot ? {} : { as }) })
    else if (phrase !== undefined) tokens.push({ column, text: phrase, kind: 'phrase' })
    else if (word !== undefined)
      // A hyphen is not heard: "e-mail" is typed and said as two words.
      for (const part of word.toLowerCase().replaceAll('’', "'").split('-'))
        tokens.push({ column, text: part, kind: 'word' })
    at += all.length
  }
  return tokens
}

class Reader {
  readonly #tokens: readonly Token[]
  readonly #endColumn: number
  #at = 0

  constructor(tokens: readonly Token[], endColumn: number) {
    this.#tokens = tokens
    this.#endColumn = endColumn
  }

  choice(depth: number): TemplateNode {
    if (depth > MAX_DEPTH)
      throw new TemplateRefused(
        this.#column(),
        'the template nests too deeply',
        'Name a part of it as a <phrase>.',
      )
    const options = [this.#sequence(depth)]
    while (this.#isMark('|')) {
      this.#at += 1
      options.push(this.#sequence(depth))
    }
    const [only] = options
    return options.length === 1 && only !== undefined ? only : { kind: 'choice', options }
  }

  mustEnd(): void {
    const token = this.#tokens[this.#at]
    if (token !== undefined)
      throw new TemplateRefused(
        token.column,
        `“${token.text}” closes nothing`,
        'Take it out, or open it before.',
      )
  }

  #sequence(depth: number): TemplateNode {
    const items: TemplateNode[] = []
    for (;;) {
      const token = this.#tokens[this.#at]
      if (token === undefined || (token.kind === 'mark' && ')]|'.includes(token.text))) break
      items.push(this.#item(token, depth))
    }
    if (items.length === 0)
      throw new TemplateRefused(
        this.#column(),
        'a part of the template is empty',
        'Write what is said there, or use [ ].',
      )
    const [only] = items
    return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items }
  }

  #item(token: Token, depth: number): TemplateNode {
    this.#at += 1
    if (token.kind === 'slot')
      return { kind: 'slot', slot: token.text, ...(token.as === undefined ? {} : { as: token.as }) }
    if (token.kind === 'phrase') return { kind: 'phrase', phrase: token.text }
    if (token.kind === 'word') return { kind: 'word', word: token.text }
    const item = this.choice(depth + 1)
    const closing = token.text === '(' ? ')' : ']'
    if (!this.#isMark(closing))
      throw new TemplateRefused(
        token.column,
        `“${token.text}” is never closed`,
        `Write “${closing}” where it ends.`,
      )
    this.#at += 1
    return token.text === '(' ? item : { kind: 'optional', item }
  }

  #isMark(text: string): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'mark' && token.text === text
  }

  #column(): number {
    return this.#tokens[this.#at]?.column ?? this.#endColumn
  }
}
