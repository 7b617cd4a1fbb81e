/**
 * A table that is fetched anew is loaded by COPY into a table of its own beside the copy, and takes the old partition's place in the
 * transaction that shows it (C4).
 */
import type { ContextTable } from '../../shared/context/tables.ts'
import { invariant } from '../../shared/errors.ts'
import type { Database, Queryable, Transaction } from '../../shared/sql/port.ts'
import type { WholeRow } from './rows.ts'

/** Begins anew, whatever an earlier start left there. */
export async function beginStage(db: Database, table: ContextTable): Promise<void> {
  const { staged, name } = namesOf(table)
  await db.transaction(async (tx) => {
    await tx.query(`drop table if exists ${staged}`)
    await tx.query(
      `create table ${staged} (like context.row including defaults, check (tbl is not null and tbl = '${name}'))`,
    )
    await tx.query(`alter table ${staged} alter column tbl set default '${name}'`)
  })
}

/** Adds rows to what is staged: `text` is theirs by {@link copyText}. */
export async function stageRows(sql: Queryable, table: ContextTable, text: Uint8Array): Promise<void> {
  await sql.query(`copy ${namesOf(table).staged} (key, version, write_id, body) from stdin`, [text])
}

/** The staged rows become what readers see of the table, and how many they are. Throws where two of them share a key. */
export async function swapIn(tx: Transaction, table: ContextTable): Promise<number> {
  const { staged, part, name, partName } = namesOf(table)
  await tx.query(`alter table ${staged} add primary key (tbl, key)`)
  const [there] = await tx.query<{ oid: number | null }>(
    `select to_regclass('context.${partName}')::oid::int8 as oid`,
  )
  if (there?.oid != null) {
    await tx.query(`alter table context.row detach partition ${part}`)
    await tx.query(`drop table ${part}`)
  }
  // Rows from before there were partitions: their place is taken.
  await tx.query('delete from context.row_rest where tbl = $1', [name])
  await tx.query(`alter table context.row attach partition ${staged} for values in ('${name}')`)
  await tx.query(`alter table ${staged} rename to ${partName}`)
  const [count] = await tx.query<{ rows: number }>(`select count(*) as rows from ${part}`)
  return count?.rows ?? 0
}

/** PostgreSQL's text form for COPY: a line a row, tabs between columns, `\N` for null. */
export function copyText(rows: readonly WholeRow[]): Uint8Array {
  let text = ''
  for (const { key, version, writeId, body } of rows)
    text += `${escaped(key)}\t${version}\t${writeId == null ? '\\N' : escaped(writeId)}\t${escaped(body)}\n`
  return new TextEncoder().encode(text)
}

function escaped(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, (letter) => ESCAPES[letter] ?? letter) : text
}

const NEEDS_ESCAPE = /[\\\t\n\r]/
const ESCAPED = /[\\\t\n\r]/g
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

interface Names {
  readonly name: string
  readonly staged: string
  readonly part: string
  readonly partName: string
}

/** DDL takes no parameters, so what goes into it is checked here. */
function namesOf(table: ContextTable): Names {
  invariant(/^[a-z][a-z_]{0,40}$/.test(table), 'names of context tables need no quoting')
  return {
    name: table,
    staged: `context.load_${table}`,
    part: `context.row_${table}`,
    partName: `row_${table}`,
  }
}
