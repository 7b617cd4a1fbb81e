/** A place in a clause's tokens, and how deep its parentheses go. */
import { SyntaxAt } from './syntax-error.ts'
import { tokensOf, type Token } from './tokens.ts'

/** Deeper nesting than people write; each level costs stack here and in PostgreSQL. */
const DEPTH_LIMIT = 100

export class TokenReader {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(clause: string) {
    this.#tokens = tokensOf(clause)
  }

  get here(): Token {
    return this.#at(this.#next)
  }

  get at(): number {
    return this.here.at
  }

  take(): Token {
    const token = this.here
    if (token.kind !== 'end') this.#next++
    return token
  }

  nested<T>(read: () => T): T {
    if (++this.#depth > DEPTH_LIMIT) throw new SyntaxAt(this.at, `nested deeper than ${DEPTH_LIMIT} levels`)
    const result = read()
    this.#depth--
    return result
  }

  isWord(word: string): boolean {
    return this.here.kind === 'word' && this.here.text === word
  }

  isAnyWordAfter(words: readonly string[]): boolean {
    const token = this.#at(this.#next + 1)
    return token.kind === 'word' && words.includes(token.text)
  }

  isSymbolAfter(symbol: string): boolean {
    const token = this.#at(this.#next + 1)
    return token.kind === 'symbol' && token.text === symbol
  }

  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false
    this.#next++
    return true
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.unexpected()
  }

  symbolHere(): string | null {
    return this.here.kind === 'symbol' ? this.here.text : null
  }

  takeSymbol(symbol: string): boolean {
    if (this.symbolHere() !== symbol) return false
    this.#next++
    return true
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected()
  }

  expectEnd(): void {
    if (this.here.kind !== 'end') throw this.unexpected()
  }

  unexpected(): SyntaxAt {
    return SyntaxAt.near(this.here.shown, this.here.at)
  }

  #at(index: number): Token {
    const token = this.#tokens[Math.min(index, this.#tokens.length - 1)]
    if (token === undefined) throw new SyntaxAt(0, 'syntax error at end of input')
    return token
  }
}
