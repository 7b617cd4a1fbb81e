/** SQL identifiers in requests: read by PostgreSQL's rules (folded unless quoted), written quoted, never pasted as they came. */
import { InvalidShapeRequest } from './errors.ts'

export interface TableName {
  readonly schema: string
  readonly table: string
}

/** PostgreSQL's NAMEDATALEN less its terminator, in bytes; a longer name would be cut short in silence. */
const IDENTIFIER_LIMIT_BYTES = 63
const UNQUOTED = /^[\p{L}_][\p{L}\p{N}_$]*/u

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Text as a SQL literal, for names that come from the catalogue; values of requests are bound instead. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

export function quoteTable({ schema, table }: TableName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`
}

/** Reads `table` or `schema.table`; the schema is `public` where none is given. Throws {@link InvalidShapeRequest}. */
export function parseTableName(text: string): TableName {
  const parts = splitNames(text, '.', 'table')
  const [first, second] = parts
  if (first === undefined || parts.length > 2)
    throw new InvalidShapeRequest('table', 'table name does not match expected format')
  return second === undefined ? { schema: 'public', table: first } : { schema: first, table: second }
}

/** Reads a list of columns separated by commas. Throws {@link InvalidShapeRequest}. */
export function parseColumnList(text: string, field: string): readonly string[] {
  return splitNames(text, ',', field)
}

function splitNames(text: string, separator: string, field: string): readonly string[] {
  const names: string[] = []
  let rest = text.trim()
  for (;;) {
    const { name, length } = readName(rest, field)
    names.push(name)
    rest = rest.slice(length).trimStart()
    if (rest === '') return names
    if (!rest.startsWith(separator))
      throw new InvalidShapeRequest(field, `Invalid unquoted identifier contains special characters: ${text}`)
    rest = rest.slice(separator.length).trimStart()
  }
}

function readName(text: string, field: string): { readonly name: string; readonly length: number } {
  if (!text.startsWith('"')) {
    const found = UNQUOTED.exec(text)?.[0]
    if (found === undefined) throw new InvalidShapeRequest(field, 'Invalid zero-length delimited identifier')
    return { name: within(found.toLowerCase(), field), length: found.length }
  }
  const found = /^"((?:[^"]|"")+)"/.exec(text)
  if (found === null) throw new InvalidShapeRequest(field, 'Invalid zero-length delimited identifier')
  const [whole, inner] = found
  return { name: within((inner ?? '').replaceAll('""', '"'), field), length: whole.length }
}

function within(name: string, field: string): string {
  if (name.includes('\0'))
    throw new InvalidShapeRequest(field, 'Invalid identifier: it holds a zero character')
  if (Buffer.byteLength(name) > IDENTIFIER_LIMIT_BYTES)
    throw new InvalidShapeRequest(field, `Identifier too long (max length ${IDENTIFIER_LIMIT_BYTES})`)
  return name
}
