/** Holds a clause against the table and the parameters of its request, before PostgreSQL types it. */
import { SyntaxAt } from './syntax-error.ts'
import type { Expression } from './syntax.ts'

export function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'column':
    case 'text':
    case 'number':
    case 'constant':
    case 'parameter':
      return []
    case 'sign':
    case 'not':
    case 'is':
    case 'cast':
      return [expression.operand]
    case 'logic':
    case 'operator':
    case 'distinct':
    case 'quantified':
      return [expression.left, expression.right]
    case 'in':
      return [expression.operand, ...expression.list]
    case 'between':
      return [expression.operand, expression.low, expression.high]
    case 'like':
      return [
        expression.operand,
        expression.pattern,
        ...(expression.escape === null ? [] : [expression.escape]),
      ]
    case 'call':
      return expression.operands
    case 'array':
    case 'row':
      return expression.items
  }
}

/** The columns that a clause reads. Throws {@link SyntaxAt} for one that is not there, or a parameter without a value. */
export function checkClause(
  expression: Expression,
  known: { readonly columns: ReadonlySet<string>; readonly params: ReadonlyMap<number, string> },
): ReadonlySet<string> {
  const used = new Set<string>()
  const visit = (part: Expression): void => {
    if (part.kind === 'column') {
      if (!known.columns.has(part.name)) throw new SyntaxAt(part.at, `unknown reference ${part.name}`)
      used.add(part.name)
    } else if (part.kind === 'parameter' && !known.params.has(part.index))
      throw new SyntaxAt(part.at, `parameter $${part.index} was not provided`)
    for (const operand of operandsOf(part)) visit(operand)
  }
  visit(expression)
  return used
}
