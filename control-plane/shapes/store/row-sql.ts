/** SQL for a shape's rows: the condition, the key and the value as JSON text, made by PostgreSQL so that no row passes through twice. */
import type { Filter } from '../definition.ts'
import { renderClause, type Bindings } from '../expression/render.ts'
import { quoteIdentifier, quoteLiteral, quoteTable } from '../identifiers.ts'
import type { Column, Relation } from '../relation.ts'

/** The table's name inside the statement. */
export const SOURCE = 'source_row'

/** Types whose cast to text is not the text that PostgreSQL shows (`10.0.0.1/32`, padding of char(n) cut off). */
const SHOWN_OTHERWISE: ReadonlySet<string> = new Set(['bpchar', 'inet', 'cidr', 'char'])

export function conditionSql(filters: readonly (Filter | null)[], bindings: Bindings): string {
  const clauses = filters.flatMap((filter) =>
    filter === null
      ? []
      : [
          renderClause(filter.clause, {
            bindings,
            params: filter.params,
            column: (name) => `${SOURCE}.${quoteIdentifier(name)}`,
          }),
        ],
  )
  return clauses.length === 0 ? 'true' : clauses.map((clause) => `(${clause})`).join(' and ')
}

export function fromSql(relation: Relation): string {
  return `only ${quoteTable(relation)} as ${SOURCE}`
}

/** The row's key as text. */
export function keySql(relation: Relation, columns: readonly string[]): string {
  const names = relation.key.length === 0 ? columns : relation.key
  const parts = columnsOf(relation, names).map(
    (column) => `'/' || coalesce('"' || replace(${shownSql(column)}, '/', '//') || '"', '_')`,
  )
  return [quoteLiteral(quoteTable(relation)), ...parts].join(' || ')
}

/** The row's value as the text of a JSON object. */
export function valueSql(relation: Relation, columns: readonly string[]): string {
  const fields = columnsOf(relation, columns).map(
    (column) =>
      `${quoteLiteral(`${JSON.stringify(column.name)}:`)} || coalesce(to_json(${textSql(column)})::text, 'null')`,
  )
  return `'{' || ${fields.join(` || ',' || `)} || '}'`
}

function columnsOf(relation: Relation, names: readonly string[]): readonly Column[] {
  const byName = new Map(relation.columns.map((column) => [column.name, column]))
  return names.flatMap((name) => byName.get(name) ?? [])
}

function textSql(column: Column): string {
  const value = `${SOURCE}.${quoteIdentifier(column.name)}`
  return SHOWN_OTHERWISE.has(column.type) && column.dimensions === 0
    ? `case when ${value} is not null then format('%s', ${value}) end`
    : `${value}::text`
}

/** In a key a boolean is `t` or `f`, as it is in the log. */
function shownSql(column: Column): string {
  if (column.type !== 'bool' || column.dimensions > 0) return textSql(column)
  return `case ${SOURCE}.${quoteIdentifier(column.name)} when true then 't' when false then 'f' end`
}
