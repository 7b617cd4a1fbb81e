/** What a shape is: a table, which of its rows and columns, and how its log is told. Two requests with one digest share one shape. */
import { InvalidShapeRequest } from './errors.ts'
import { checkClause } from './expression/check.ts'
import { parseClause } from './expression/parse.ts'
import { SyntaxAt } from './expression/syntax-error.ts'
import type { Expression } from './expression/syntax.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import { digestOf, type Relation } from './relation.ts'

const SHAPES_SCHEMA_NAME = 'starling_shapes'

export type Replica = 'default' | 'full'
export type LogMode = 'full' | 'changes_only'

/** As a request or the catalogue of named shapes gives it, and as it is kept. */
export interface ShapeDefinition extends TableName {
  /** Null for all columns. */
  readonly columns: readonly string[] | null
  readonly where: string | null
  readonly params: Readonly<Record<string, string>>
  readonly replica: Replica
  readonly log: LogMode
  /** Whose answer this is; a shape is never shared between scopes, however alike they are. Empty for free-form shapes. */
  readonly scope: string
}

/** A definition that holds for a table. */
export interface ResolvedShape {
  readonly definition: ShapeDefinition
  readonly digest: string
  readonly relation: Relation
  /** The selected columns, in the table's order. */
  readonly columns: readonly string[]
  readonly filter: Filter | null
}

export interface Filter {
  readonly clause: Expression
  readonly params: ReadonlyMap<number, string>
  /** What it reads. */
  readonly columns: ReadonlySet<string>
}

export function digestOfDefinition(definition: ShapeDefinition): string {
  const { schema, table, columns, where, params, replica, log, scope } = definition
  const sorted = Object.entries(params).toSorted(([one], [other]) => Number(one) - Number(other))
  return digestOf([scope, schema, table, columns, where, sorted, replica, log])
}

/** Throws {@link InvalidShapeRequest} where the definition does not fit the table. */
export function resolveShape(definition: ShapeDefinition, relation: Relation): ResolvedShape {
  // A trigger on what the triggers write would call itself for ever.
  if (relation.schema === SHAPES_SCHEMA_NAME)
    throw new InvalidShapeRequest('table', `${quoteTable(relation)} is the shape server's own.`)
  if (relation.relkind !== 'r')
    throw new InvalidShapeRequest(
      'table',
      `${quoteTable(relation)} is not a plain table: views, partitioned and foreign tables cannot be followed.`,
    )
  const columns = selectedColumns(definition, relation)
  const known = {
    columns: new Set(relation.columns.map(({ name }) => name)),
    params: numbered(definition.params, 'params'),
  }
  const filter = definition.where === null ? null : readFilter(definition.where, known, 'where')
  return { definition, digest: digestOfDefinition(definition), relation, columns, filter }
}

/** Reads a clause for a table. Throws {@link InvalidShapeRequest} on `field`. */
export function readFilter(
  where: string,
  known: { readonly columns: ReadonlySet<string>; readonly params: ReadonlyMap<number, string> },
  field: string,
): Filter {
  try {
    const clause = parseClause(where)
    return { clause, params: known.params, columns: checkClause(clause, known) }
  } catch (error) {
    if (error instanceof SyntaxAt) throw new InvalidShapeRequest(field, error.message)
    throw error
  }
}

/** Parameters by number. Throws {@link InvalidShapeRequest} for a name that is no number. */
export function numbered(
  params: Readonly<Record<string, string>>,
  field: string,
): ReadonlyMap<number, string> {
  const byNumber = new Map<number, string>()
  for (const [name, value] of Object.entries(params)) {
    if (!/^[1-9]\d{0,4}$/.test(name))
      throw new InvalidShapeRequest(field, `params can only be numbered, not named ${name}`)
    if (value.includes('\0') || !value.isWellFormed())
      throw new InvalidShapeRequest(field, `the value of parameter $${name} is no text of PostgreSQL`)
    byNumber.set(Number(name), value)
  }
  return byNumber
}

function selectedColumns({ columns }: ShapeDefinition, relation: Relation): readonly string[] {
  const generated = relation.columns.filter(({ isGenerated }) => isGenerated).map(({ name }) => name)
  if (columns === null) {
    if (generated.length > 0)
      throw new InvalidShapeRequest(
        'columns',
        `${isGeneratedMessage(generated)}. You can exclude them from the shape by explicitly listing which columns to fetch in the 'columns' query param`,
      )
    return relation.columns.map(({ name }) => name)
  }
  const known = new Set(relation.columns.map(({ name }) => name))
  const missing = columns.filter((name) => !known.has(name))
  if (missing.length > 0)
    throw new InvalidShapeRequest(
      'columns',
      `The following columns are not found on the table: ${missing.join(', ')}`,
    )
  const absent = relation.key.filter((name) => !columns.includes(name))
  if (absent.length > 0)
    throw new InvalidShapeRequest(
      'columns',
      `The list of columns must include all primary key columns, missing: ${absent.join(', ')}`,
    )
  const chosen = generated.filter((name) => columns.includes(name))
  if (chosen.length > 0) throw new InvalidShapeRequest('columns', isGeneratedMessage(chosen))
  return relation.columns.map(({ name }) => name).filter((name) => columns.includes(name))
}

function isGeneratedMessage(names: readonly string[]): string {
  return `The following columns are generated and cannot be included in the shape: ${names.join(', ')}`
}
