/** `order by` of a subset: columns with a direction, nothing computed. */
import { quoteIdentifier } from '../identifiers.ts'
import { SyntaxAt } from './syntax-error.ts'
import { TokenReader } from './token-reader.ts'

export interface OrderTerm {
  readonly column: string
  readonly direction: 'asc' | 'desc'
  readonly nulls: 'first' | 'last' | null
}

/** Throws {@link SyntaxAt}. */
export function parseOrderBy(text: string, columns: ReadonlySet<string>): readonly OrderTerm[] {
  const reader = new TokenReader(text)
  const terms: OrderTerm[] = []
  do terms.push(term(reader, columns))
  while (reader.takeSymbol(','))
  reader.expectEnd()
  return terms
}

function term(reader: TokenReader, columns: ReadonlySet<string>): OrderTerm {
  const token = reader.here
  if (token.kind !== 'word' && token.kind !== 'quoted') throw reader.unexpected()
  reader.take()
  if (!columns.has(token.text)) throw new SyntaxAt(token.at, `unknown reference ${token.text}`)
  const direction = reader.takeWord('desc') ? 'desc' : 'asc'
  if (direction === 'asc') reader.takeWord('asc')
  if (!reader.takeWord('nulls')) return { column: token.text, direction, nulls: null }
  if (reader.takeWord('first')) return { column: token.text, direction, nulls: 'first' }
  reader.expectWord('last')
  return { column: token.text, direction, nulls: 'last' }
}

export function renderOrderBy(terms: readonly OrderTerm[], source: string): string {
  return terms
    .map(
      ({ column, direction, nulls }) =>
        `${source}.${quoteIdentifier(column)} ${direction}${nulls === null ? '' : ` nulls ${nulls}`}`,
    )
    .join(', ')
}
