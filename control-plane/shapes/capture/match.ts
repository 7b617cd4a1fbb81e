/**
 * Which rows belong to a shape. `column = constant` is decided here, over types whose text is their identity, so that ten thousand
 * shapes that differ in a constant cost one look-up; every other clause is decided by PostgreSQL, over the values as they were then.
 */
import type { Queryable } from '../../../shared/sql/port.ts'
import type { Filter } from '../definition.ts'
import { Bindings, renderClause, type Rendering } from '../expression/render.ts'
import type { Expression } from '../expression/syntax.ts'
import { quoteIdentifier } from '../identifiers.ts'
import type { RowValues } from '../protocol/change-messages.ts'
import type { Column, Relation } from '../relation.ts'

/** Equal values have equal texts, and only they. Text only by a collation of its type's own, which is deterministic. */
const TEXT_IS_IDENTITY: ReadonlySet<string> = new Set([
  'int2',
  'int4',
  'int8',
  'uuid',
  'bool',
  'date',
  'text',
  'varchar',
])

/** A clause's conjuncts of a form that is decided here, and whether there is anything else in it. */
export interface Equalities {
  /** `column = constant` */
  readonly equals: ReadonlyMap<string, string>
  /** `(column is null or column = constant)`: everybody's, or one's own. */
  readonly equalsOrNull: ReadonlyMap<string, string>
  readonly isAll: boolean
}

/** Throws PostgreSQL's `SqlError` where a constant is no value of its column's type. */
export async function equalitiesOf(db: Queryable, filter: Filter, relation: Relation): Promise<Equalities> {
  const byName = new Map(relation.columns.map((column) => [column.name, column]))
  const equals = new Map<string, string>()
  const equalsOrNull = new Map<string, string>()
  let isAll = true
  for (const part of conjuncts(filter.clause)) {
    const orNull = orNullOf(part, filter)
    const found = orNull ?? equalityOf(part, filter)
    const column = found === null ? undefined : byName.get(found.column)
    const isTaken = found !== null && (equals.has(found.column) || equalsOrNull.has(found.column))
    if (found === null || column === undefined || !isIndexable(column) || isTaken) isAll = false
    else
      (orNull === null ? equals : equalsOrNull).set(column.name, await canonicalText(db, column, found.value))
  }
  return { equals, equalsOrNull, isAll }
}

async function canonicalText(db: Queryable, column: Column, value: string): Promise<string> {
  const [row] = await db.query<{ readonly text: string }>(
    `select ($1::text)::${column.sqlType}::text as text`,
    [value],
  )
  const text = row?.text ?? ''
  // The log has the type's own output, which for booleans differs from its cast.
  return column.type === 'bool' ? text.slice(0, 1) : text
}

/** Whether a row has what the conjuncts ask for. */
export function holdsEqualities({ equals, equalsOrNull }: Equalities, row: RowValues): boolean {
  for (const [column, value] of equals) if (row.get(column) !== value) return false
  for (const [column, value] of equalsOrNull) if ((row.get(column) ?? value) !== value) return false
  return true
}

function isIndexable(column: Column): boolean {
  return (
    column.dimensions === 0 &&
    column.collation === null &&
    TEXT_IS_IDENTITY.has(column.type) &&
    column.sqlType.startsWith('"pg_catalog".')
  )
}

function conjuncts(clause: Expression): readonly Expression[] {
  if (clause.kind !== 'logic' || clause.word !== 'and') return [clause]
  return [...conjuncts(clause.left), ...conjuncts(clause.right)]
}

function orNullOf(part: Expression, filter: Filter): ReturnType<typeof equalityOf> {
  if (part.kind !== 'logic' || part.word !== 'or') return null
  for (const [one, other] of [
    [part.left, part.right],
    [part.right, part.left],
  ] as const) {
    const found = equalityOf(other, filter)
    const isNull = one.kind === 'is' && one.what === 'null' && !one.isNegated
    if (found !== null && isNull && one.operand.kind === 'column' && one.operand.name === found.column)
      return found
  }
  return null
}

function equalityOf(
  part: Expression,
  { params }: Filter,
): { readonly column: string; readonly value: string } | null {
  if (part.kind !== 'operator' || part.operator !== '=') return null
  const [column, constant] = part.left.kind === 'column' ? [part.left, part.right] : [part.right, part.left]
  if (column.kind !== 'column') return null
  const value =
    constant.kind === 'text'
      ? constant.value
      : constant.kind === 'parameter'
        ? params.get(constant.index)
        : undefined
  return value === undefined ? null : { column: column.name, value }
}

/** Asks PostgreSQL which of the rows fit. A row for which the clause is null does not. */
export async function evaluate(
  db: Queryable,
  filter: Filter,
  relation: Relation,
  rows: readonly RowValues[],
): Promise<readonly boolean[]> {
  if (rows.length === 0) return []
  const { text, bindings } = evaluationSql(filter, relation, rows)
  const answers = await db.query<{ readonly starling_n: number; readonly fits: boolean }>(
    text,
    bindings.values.map(asList),
  )
  const fits = rows.map(() => false)
  for (const { starling_n: n, fits: isFit } of answers) fits[n - 1] = isFit
  return fits
}

/** Has PostgreSQL type the clause, over no rows. Throws its `SqlError`. */
export async function tryClause(db: Queryable, filter: Filter, relation: Relation): Promise<void> {
  const { text, bindings } = evaluationSql(filter, relation, [])
  await db.query(text, bindings.values.map(asList))
}

function asList(value: string | readonly (string | null)[]): string | (string | null)[] {
  return typeof value === 'string' ? value : [...value]
}

function evaluationSql(
  filter: Filter,
  relation: Relation,
  rows: readonly RowValues[],
): { readonly text: string; readonly bindings: Bindings } {
  const columns = relation.columns.filter(({ name }) => filter.columns.has(name))
  const bindings = new Bindings()
  const rendering: Rendering = {
    bindings,
    params: filter.params,
    column: (name) => referenceOf(name, columns),
  }
  const condition = renderClause(filter.clause, rendering)
  const arrays = columns.map(
    ({ name }) => `${bindings.bind(rows.map((row) => row.get(name) ?? null))}::text[]`,
  )
  // A clause without columns still has one answer a row.
  const numbers = `${bindings.bind(rows.map((_, index) => String(index + 1)))}::text[]`
  const names = columns.map((_, index) => `c${index}`)
  const values = columns.map(
    (column, index) => `(c${index}::text)::${column.sqlType} as ${quoteIdentifier(column.name)}`,
  )
  return {
    bindings,
    text: `select starling_n::int4 as starling_n, coalesce((${condition})::boolean, false) as fits
      from (select ${['starling_n', ...values].join(', ')}
        from unnest(${[...arrays, numbers].join(', ')}) as texts(${[...names, 'starling_n'].join(', ')})) as changed_row`,
  }
}

function referenceOf(name: string, columns: readonly Column[]): string {
  const collation = columns.find((column) => column.name === name)?.collation ?? null
  const reference = `changed_row.${quoteIdentifier(name)}`
  return collation === null ? reference : `(${reference} collate ${collation})`
}
