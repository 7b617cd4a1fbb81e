/** One command expression: `[brew, get me] (a) $size:size coffee`. Errors name the column, like those of templates. */
import { saidWords } from './said-words.ts'
import { TemplateRefused, type TemplateNode } from './template.ts'

export interface SlotUse {
  readonly kind: string
  readonly name: string
}

/** What an expression names; each is told the index (from 0) of the character where it does. */
export interface ExpressionNames {
  slot(use: SlotUse, at: number): TemplateNode
  macro(name: string, at: number): TemplateNode
}

/** Deeper nesting than this is a slip of the hand. */
const MAX_DEPTH = 12
const TOKEN = /\s*(?:([[\](),])|\$([\w.]+)(?::(\w+))?|@(\w+)|([^\s[\](),$@]+))/y

interface Token {
  readonly at: number
  readonly text: string
  readonly node: TemplateNode | null
}

/** Throws {@link TemplateRefused}. */
export function readExpression(text: string, names: ExpressionNames): TemplateNode {
  const tokens = tokensOf(text, names)
  const reader = new Reader(tokens, text.length)
  const node = reader.sequence(0)
  reader.mustEnd()
  return node
}

function tokensOf(text: string, names: ExpressionNames): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    const begin = at + text.slice(at).length - text.slice(at).trimStart().length
    if (match === null)
      throw new TemplateRefused(
        begin + 1,
        `“${text.slice(begin, begin + 10)}” is not part of an expression`,
        REMEDY,
      )
    const [all, mark, kind, name, macro, written] = match
    const push = (node: TemplateNode | null): void =>
      void tokens.push({ at: begin, text: text.slice(begin, at + all.length), node })
    if (mark !== undefined) push(null)
    else if (kind !== undefined) push(names.slot({ kind, name: name ?? kind }, begin))
    else if (macro !== undefined) push(names.macro(macro, begin))
    else for (const word of wordsIn(written ?? '', begin)) push({ kind: 'word', word })
    at += all.length
  }
  return tokens
}

const REMEDY = 'Write words, [this, that], (maybe), $kind:name or @macro.'

function wordsIn(written: string, at: number): readonly string[] {
  const words = saidWords(written)
  if (words.length > 0) return words
  throw new TemplateRefused(at + 1, `“${written}” cannot be said`, REMEDY)
}

class Reader {
  readonly #tokens: readonly Token[]
  readonly #end: number
  #next = 0

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens
    this.#end = end
  }

  sequence(depth: number): TemplateNode {
    if (depth > MAX_DEPTH)
      throw new TemplateRefused(
        this.#column(),
        'the expression nests too deeply',
        'Name a part of it as a macro.',
      )
    const items: TemplateNode[] = []
    for (;;) {
      const token = this.#tokens[this.#next]
      if (token === undefined || (token.node === null && ']),'.includes(token.text))) break
      this.#next += 1
      items.push(token.node ?? this.#group(token, depth))
    }
    if (items.length === 0)
      throw new TemplateRefused(
        this.#column(),
        'a part of the expression is empty',
        'Write what is said there, or use ( ).',
      )
    const [only] = items
    return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items }
  }

  mustEnd(): void {
    const token = this.#tokens[this.#next]
    if (token !== undefined)
      throw new TemplateRefused(
        token.at + 1,
        `“${token.text}” belongs to nothing`,
        'Take it out, or open [ or ( before it.',
      )
  }

  #group(open: Token, depth: number): TemplateNode {
    const options = [this.sequence(depth + 1)]
    while (this.#tokens[this.#next]?.text === ',') {
      this.#next += 1
      options.push(this.sequence(depth + 1))
    }
    const closing = open.text === '[' ? ']' : ')'
    if (this.#tokens[this.#next]?.text !== closing)
      throw new TemplateRefused(
        open.at + 1,
        `“${open.text}” is never closed`,
        `Write “${closing}” where it ends.`,
      )
    this.#next += 1
    const [only] = options
    const node: TemplateNode = options.length === 1 && only !== undefined ? only : { kind: 'choice', options }
    return closing === ']' ? node : { kind: 'optional', item: node }
  }

  #column(): number {
    return (this.#tokens[this.#next]?.at ?? this.#end) + 1
  }
}
