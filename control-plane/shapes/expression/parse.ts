/** Reads a where clause with PostgreSQL's precedence (from `or`, the loosest, to casts). */
import { OPERATORS, type Expression, type Operator } from './syntax.ts'
import { parseList, primary } from './parse-primary.ts'
import { TokenReader } from './token-reader.ts'

/** Throws `SyntaxAt`. */
export function parseClause(clause: string): Expression {
  const reader = new TokenReader(clause)
  const expression = parseExpression(reader)
  reader.expectEnd()
  return expression
}

export function parseExpression(reader: TokenReader): Expression {
  return reader.nested(() => parseOr(reader))
}

function parseOr(reader: TokenReader): Expression {
  let left = parseAnd(reader)
  while (reader.takeWord('or')) left = { kind: 'logic', word: 'or', left, right: parseAnd(reader) }
  return left
}

function parseAnd(reader: TokenReader): Expression {
  let left = parseNot(reader)
  while (reader.takeWord('and')) left = { kind: 'logic', word: 'and', left, right: parseNot(reader) }
  return left
}

function parseNot(reader: TokenReader): Expression {
  if (!reader.takeWord('not')) return parseIs(reader)
  return reader.nested(() => ({ kind: 'not', operand: parseNot(reader) }))
}

function parseIs(reader: TokenReader): Expression {
  let operand = parseComparison(reader)
  for (;;) {
    if (reader.takeWord('isnull')) operand = { kind: 'is', isNegated: false, what: 'null', operand }
    else if (reader.takeWord('notnull')) operand = { kind: 'is', isNegated: true, what: 'null', operand }
    else if (reader.takeWord('is')) operand = afterIs(reader, operand)
    else return operand
  }
}

function afterIs(reader: TokenReader, operand: Expression): Expression {
  const isNegated = reader.takeWord('not')
  for (const what of ['null', 'true', 'false', 'unknown'] as const)
    if (reader.takeWord(what)) return { kind: 'is', isNegated, what, operand }
  if (!reader.takeWord('distinct')) throw reader.unexpected()
  reader.expectWord('from')
  return { kind: 'distinct', isNegated, left: operand, right: parseComparison(reader) }
}

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '!=', '<', '>', '<=', '>='])

function parseComparison(reader: TokenReader): Expression {
  const left = parseMembership(reader)
  const operator = operatorHere(reader)
  if (operator === null || !COMPARISONS.has(operator)) return left
  reader.take()
  const compared = quantified(reader, left, operator) ?? {
    kind: 'operator' as const,
    operator,
    left,
    right: parseMembership(reader),
  }
  const next = operatorHere(reader)
  // PostgreSQL refuses `a < b < c` too.
  if (next !== null && COMPARISONS.has(next)) throw reader.unexpected()
  return compared
}

function quantified(reader: TokenReader, left: Expression, operator: Operator): Expression | null {
  for (const [word, quantifier] of [
    ['any', 'any'],
    ['some', 'any'],
    ['all', 'all'],
  ] as const) {
    if (!reader.isWord(word) || !reader.isSymbolAfter('(')) continue
    reader.take()
    reader.expectSymbol('(')
    const right = parseExpression(reader)
    reader.expectSymbol(')')
    return { kind: 'quantified', operator, quantifier, left, right }
  }
  return null
}

/** `in`, `between`, `like` and their kin. */
function parseMembership(reader: TokenReader): Expression {
  const operand = parseOther(reader)
  const isNegated =
    reader.isWord('not') && reader.isAnyWordAfter(['in', 'between', 'like', 'ilike', 'similar'])
  if (isNegated) reader.take()
  if (reader.takeWord('in'))
    return { kind: 'in', isNegated, operand, list: parseList(reader, parseExpression) }
  if (reader.takeWord('between')) {
    const isSymmetric = reader.takeWord('symmetric')
    if (!isSymmetric) reader.takeWord('asymmetric')
    const low = parseOther(reader)
    reader.expectWord('and')
    return { kind: 'between', isNegated, isSymmetric, operand, low, high: parseOther(reader) }
  }
  const word = likeWord(reader)
  if (word === null) return operand
  const pattern = parseOther(reader)
  const escape = reader.takeWord('escape') ? parseOther(reader) : null
  return { kind: 'like', word, isNegated, operand, pattern, escape }
}

function likeWord(reader: TokenReader): 'like' | 'ilike' | 'similar to' | null {
  if (reader.takeWord('like')) return 'like'
  if (reader.takeWord('ilike')) return 'ilike'
  if (!reader.takeWord('similar')) return null
  reader.expectWord('to')
  return 'similar to'
}

const TERMS: ReadonlySet<string> = new Set(['+', '-'])
const FACTORS: ReadonlySet<string> = new Set(['*', '/', '%'])

/** Every operator that is no comparison and no arithmetic. */
function parseOther(reader: TokenReader): Expression {
  const isOther = (text: string): boolean =>
    !COMPARISONS.has(text) && !TERMS.has(text) && !FACTORS.has(text) && text !== '^'
  return leftward(reader, isOther, () =>
    leftward(
      reader,
      (text) => TERMS.has(text),
      () => parseFactor(reader),
    ),
  )
}

function parseFactor(reader: TokenReader): Expression {
  return leftward(
    reader,
    (text) => FACTORS.has(text),
    () =>
      leftward(
        reader,
        (text) => text === '^',
        () => parseSign(reader),
      ),
  )
}

function parseSign(reader: TokenReader): Expression {
  for (const sign of ['-', '+'] as const)
    if (reader.takeSymbol(sign))
      return reader.nested(() => ({ kind: 'sign', sign, operand: parseSign(reader) }))
  return primary(reader, parseExpression)
}

function leftward(
  reader: TokenReader,
  isMine: (operator: string) => boolean,
  operand: () => Expression,
): Expression {
  let left = operand()
  for (;;) {
    const operator = operatorHere(reader)
    if (operator === null || !isMine(operator)) return left
    reader.take()
    left = quantified(reader, left, operator) ?? { kind: 'operator', operator, left, right: operand() }
  }
}

/** The operator here, null where there is none. Throws for one that is not let through. */
function operatorHere(reader: TokenReader): Operator | null {
  const text = reader.symbolHere()
  if (text === null || !/^[-+*/<>=~!@#%^&|?]+$/.test(text)) return null
  const operator = OPERATORS.find((known) => known === text)
  if (operator === undefined) throw reader.unexpected()
  return operator
}
