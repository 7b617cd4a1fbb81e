/** The name of a row in a shape: `"schema"."table"/"key"/"key"`. A slash in a key is doubled, a missing one is `_`. */
import { quoteTable, type TableName } from '../identifiers.ts'

export function rowKey(table: TableName, key: readonly (string | null)[]): string {
  return [
    quoteTable(table),
    ...key.map((value) => (value === null ? '_' : `"${value.replaceAll('/', '//')}"`)),
  ].join('/')
}
