/** A where clause cut into tokens, as PostgreSQL's scanner does it. */
import { SyntaxAt } from './syntax-error.ts'

export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'quoted'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'number'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'parameter'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly shown: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly shown: ''; readonly at: number }

/** The longest clause that is read: a list of thousands of ids fits, a mistake does not stall the server. */
export const CLAUSE_LIMIT_BYTES = 256 * 1024

type Kind = Exclude<Token['kind'], 'end'>

const PATTERNS: readonly (readonly [Kind, RegExp])[] = [
  ['word', /[\p{L}_][\p{L}\p{N}_$]*/uy],
  ['quoted', /"(?:[^"\0]|"")+"/y],
  ['string', /'(?:[^'\0]|'')*'/y],
  ['number', /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_])/uy],
  ['parameter', /\$\d{1,5}(?!\d)/y],
  ['symbol', /::|[(),.[\]]/y],
  ['symbol', /[-+*/<>=~!@#%^&|?]+/y],
]
const SPACE = /\s+/y

/** Throws {@link SyntaxAt} for what no token starts with: comments, semicolons, dollar quotes, escape strings. */
export function tokensOf(clause: string): readonly Token[] {
  if (Buffer.byteLength(clause) > CLAUSE_LIMIT_BYTES)
    throw new SyntaxAt(0, `the clause is longer than ${CLAUSE_LIMIT_BYTES} bytes`)
  const tokens: Token[] = []
  let at = 0
  while (at < clause.length) {
    SPACE.lastIndex = at
    const space = SPACE.exec(clause)
    if (space !== null) {
      at += space[0].length
      continue
    }
    const token = tokenAt(clause, at)
    tokens.push(token)
    at += token.shown.length
  }
  tokens.push({ kind: 'end', text: '', shown: '', at: clause.length })
  return tokens
}

function tokenAt(clause: string, at: number): Exclude<Token, { kind: 'end' }> {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const shown = pattern.exec(clause)?.[0]
    if (shown === undefined) continue
    const symbol = kind === 'symbol' ? operatorOf(shown) : shown
    if (kind === 'symbol' && (shown.includes('--') || shown.includes('/*'))) break
    return { kind, text: textOf(kind, symbol), shown: symbol, at }
  }
  throw SyntaxAt.near(clause.charAt(at), at)
}

/** As PostgreSQL does: `a=-1` is `=` and `-`, because an operator of these letters alone may not end in a sign. */
function operatorOf(run: string): string {
  let symbol = run
  while (symbol.length > 1 && /[-+]$/.test(symbol) && !/[~!@#%^&|?]/.test(symbol))
    symbol = symbol.slice(0, -1)
  return symbol
}

function textOf(kind: Kind, shown: string): string {
  if (kind === 'word') return shown.toLowerCase()
  if (kind === 'quoted') return shown.slice(1, -1).replaceAll('""', '"')
  if (kind === 'string') return shown.slice(1, -1).replaceAll("''", "'")
  return kind === 'parameter' ? shown.slice(1) : shown
}
