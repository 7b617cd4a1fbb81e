/** The innermost parts of a where clause: values, columns, calls, casts, parentheses. */
import { SyntaxAt } from './syntax-error.ts'
import { CAST_TYPES, FUNCTIONS, type CastType, type Expression } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** Reads a whole expression; handed in, because expressions and their parts hold one another. */
export type ReadExpression = (reader: TokenReader) => Expression

/** Words of SQL that begin no value. A column of such a name is written in quotes, as in PostgreSQL. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'all analyse analyze and any as asc between case collate column constraint create current_date current_role current_time ' +
    'current_timestamp current_user default desc distinct do else end except fetch for from grant group having ilike in ' +
    'intersect into is isnull lateral like limit localtime localtimestamp not notnull offset on only or order select ' +
    'session_user similar some symmetric table then to union user using when where window with'
  ).split(' '),
)

export function primary(reader: TokenReader, expression: ReadExpression): Expression {
  let value = bare(reader, expression)
  while (reader.takeSymbol('::')) value = { kind: 'cast', operand: value, type: castType(reader) }
  return value
}

function bare(reader: TokenReader, expression: ReadExpression): Expression {
  const token = reader.here
  switch (token.kind) {
    case 'string':
      reader.take()
      return { kind: 'text', value: token.text }
    case 'number':
      reader.take()
      return { kind: 'number', digits: token.text }
    case 'parameter':
      reader.take()
      return { kind: 'parameter', index: Number(token.text), at: token.at }
    case 'quoted':
      return column(reader)
    case 'word':
      return word(reader, token.text, expression)
    case 'symbol':
      return parentheses(reader, expression)
    case 'end':
      throw reader.unexpected()
  }
}

/** The items between parentheses, at least one. */
export function parseList(reader: TokenReader, expression: ReadExpression): readonly Expression[] {
  reader.expectSymbol('(')
  if (reader.isWord('select')) throw new SyntaxAt(reader.at, 'subqueries are not supported')
  const items = [expression(reader)]
  while (reader.takeSymbol(',')) items.push(expression(reader))
  reader.expectSymbol(')')
  return items
}

function parentheses(reader: TokenReader, expression: ReadExpression): Expression {
  if (reader.symbolHere() !== '(') throw reader.unexpected()
  const items = parseList(reader, expression)
  const [only] = items
  return items.length === 1 && only !== undefined ? only : { kind: 'row', items }
}

function word(reader: TokenReader, text: string, expression: ReadExpression): Expression {
  if (text === 'true' || text === 'false' || text === 'null') {
    reader.take()
    return { kind: 'constant', value: text }
  }
  if (text === 'cast' && reader.isSymbolAfter('(')) return castCall(reader, expression)
  if (text === 'array' && reader.isSymbolAfter('[')) {
    reader.take()
    return array(reader, expression)
  }
  if (RESERVED.has(text)) throw reader.unexpected()
  if (reader.isSymbolAfter('(')) return call(reader, text, expression)
  return typedText(reader, text) ?? column(reader)
}

/** `date '2026-01-01'`: a type before a text. */
function typedText(reader: TokenReader, text: string): Expression | null {
  const name = CAST_TYPES.get(text)
  if (name === undefined) return null
  const at = reader.at
  const token = reader.take()
  if (reader.here.kind !== 'string') {
    // A column that is called `date`, `text` or `time`.
    return columnAfter(reader, token.text, at)
  }
  const operand: Expression = { kind: 'text', value: reader.take().text }
  return { kind: 'cast', operand, type: { name, schema: null, isBuiltIn: true, dimensions: 0 } }
}

function column(reader: TokenReader): Expression {
  const token = reader.take()
  if (token.kind === 'quoted' || token.kind === 'word') return columnAfter(reader, token.text, token.at)
  throw reader.unexpected()
}

function columnAfter(reader: TokenReader, name: string, at: number): Expression {
  if (reader.symbolHere() === '.')
    throw new SyntaxAt(at, `unsupported qualified reference to ${name}: name the column alone`)
  return { kind: 'column', name, at }
}

function call(reader: TokenReader, name: string, expression: ReadExpression): Expression {
  const at = reader.at
  if (!FUNCTIONS.has(name)) throw new SyntaxAt(at, `unknown or unsupported function ${name}`)
  reader.take()
  if (!reader.isSymbolAfter(')')) return { kind: 'call', name, operands: parseList(reader, expression) }
  throw new SyntaxAt(at, `the function ${name} takes an operand`)
}

function castCall(reader: TokenReader, expression: ReadExpression): Expression {
  reader.take()
  reader.expectSymbol('(')
  const operand = expression(reader)
  reader.expectWord('as')
  const type = castType(reader)
  reader.expectSymbol(')')
  return { kind: 'cast', operand, type }
}

function array(reader: TokenReader, expression: ReadExpression): Expression {
  reader.expectSymbol('[')
  const items: Expression[] = []
  if (!reader.takeSymbol(']')) {
    do items.push(reader.symbolHere() === '[' ? array(reader, expression) : expression(reader))
    while (reader.takeSymbol(','))
    reader.expectSymbol(']')
  }
  return { kind: 'array', items }
}

function castType(reader: TokenReader): CastType {
  const named = typeName(reader)
  let dimensions = 0
  while (reader.takeSymbol('[')) {
    reader.expectSymbol(']')
    dimensions++
  }
  return { ...named, dimensions }
}

function typeName(reader: TokenReader): Omit<CastType, 'dimensions'> {
  const first = reader.here
  if (first.kind === 'word') {
    const spelled = spelling(reader)
    const name = CAST_TYPES.get(spelled)
    if (name !== undefined) return { name, schema: null, isBuiltIn: true }
    return userType(reader, spelled, first.at)
  }
  if (first.kind !== 'quoted') throw reader.unexpected()
  reader.take()
  return userType(reader, first.text, first.at)
}

/** SQL spells some types with several words. */
function spelling(reader: TokenReader): string {
  const first = reader.take().text
  if (first === 'double' && reader.takeWord('precision')) return 'double precision'
  if (first === 'character' && reader.takeWord('varying')) return 'character varying'
  if (first !== 'time' && first !== 'timestamp') return first
  for (const zone of ['with', 'without'])
    if (reader.takeWord(zone)) {
      reader.expectWord('time')
      reader.expectWord('zone')
      return `${first} ${zone} time zone`
    }
  return first
}

/** An enumeration or a domain. Names of the catalogue's own types are refused: `regclass` and its kin read the catalogue. */
function userType(reader: TokenReader, first: string, at: number): Omit<CastType, 'dimensions'> {
  const named = reader.takeSymbol('.')
    ? { schema: first, name: reader.take().text }
    : { schema: null, name: first }
  if (/^(reg|pg_)/.test(named.name) || named.schema === 'pg_catalog' || named.schema === 'information_schema')
    throw new SyntaxAt(at, `unknown or unsupported type ${named.name}`)
  return { ...named, isBuiltIn: false }
}
