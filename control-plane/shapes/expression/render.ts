/** A clause as SQL again: every operation in parentheses, every name quoted, every text and parameter bound. */
import { quoteIdentifier } from '../identifiers.ts'
import { FUNCTIONS, type CastType, type Expression } from './syntax.ts'

/** What the SQL binds, in order; `$1` is the first. Types are left to PostgreSQL, as for a literal. */
export class Bindings {
  readonly values: (string | readonly (string | null)[])[] = []

  /** The placeholder for a value. */
  bind(value: string | readonly (string | null)[]): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

export interface Rendering {
  readonly bindings: Bindings
  readonly params: ReadonlyMap<number, string>
  /** SQL for a column. */
  column(name: string): string
}

export function renderClause(expression: Expression, rendering: Rendering): string {
  const render = (part: Expression): string => renderClause(part, rendering)
  const list = (parts: readonly Expression[]): string => parts.map(render).join(', ')
  switch (expression.kind) {
    case 'column':
      return rendering.column(expression.name)
    case 'text':
      return rendering.bindings.bind(expression.value)
    case 'parameter':
      return rendering.bindings.bind(rendering.params.get(expression.index) ?? '')
    case 'number':
      return expression.digits
    case 'constant':
      return expression.value
    case 'sign':
      return `(${expression.sign} ${render(expression.operand)})`
    case 'not':
      return `(not ${render(expression.operand)})`
    case 'logic':
      return `(${render(expression.left)} ${expression.word} ${render(expression.right)})`
    case 'operator':
      return `(${render(expression.left)} ${expression.operator} ${render(expression.right)})`
    case 'distinct':
      return `(${render(expression.left)} is${not(expression)} distinct from ${render(expression.right)})`
    case 'quantified':
      return `(${render(expression.left)} ${expression.operator} ${expression.quantifier} (${render(expression.right)}))`
    case 'in':
      return `(${render(expression.operand)}${not(expression)} in (${list(expression.list)}))`
    case 'is':
      return `(${render(expression.operand)} is${not(expression)} ${expression.what})`
    case 'between':
      return between(expression, render)
    case 'like': {
      const escape = expression.escape === null ? '' : ` escape ${render(expression.escape)}`
      return `(${render(expression.operand)}${not(expression)} ${expression.word} ${render(expression.pattern)}${escape})`
    }
    case 'cast':
      return `(${render(expression.operand)})::${typeName(expression.type)}`
    case 'call':
      return `${FUNCTIONS.get(expression.name) === true ? '' : 'pg_catalog.'}${expression.name}(${list(expression.operands)})`
    case 'array':
      return `array[${list(expression.items)}]`
    case 'row':
      return `row(${list(expression.items)})`
  }
}

function between(
  expression: Extract<Expression, { kind: 'between' }>,
  render: (part: Expression) => string,
): string {
  const { operand, low, high, isSymmetric } = expression
  const word = `${not(expression)} between${isSymmetric ? ' symmetric' : ''}`
  return `(${render(operand)}${word} ${render(low)} and ${render(high)})`
}

function not({ isNegated }: { readonly isNegated: boolean }): string {
  return isNegated ? ' not' : ''
}

function typeName({ name, schema, isBuiltIn, dimensions }: CastType): string {
  const brackets = '[]'.repeat(dimensions)
  if (isBuiltIn && name !== 'citext') return `pg_catalog.${quoteIdentifier(name)}${brackets}`
  return `${schema === null ? '' : `${quoteIdentifier(schema)}.`}${quoteIdentifier(name)}${brackets}`
}
