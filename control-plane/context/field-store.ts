/** What is remembered of a field beside its value: who claims it, or who added what to it. */
import type { TenantId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import type { WriteField } from '../../shared/context/write-rules.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { FieldState, ListState } from './merge.ts'
import type { StoredRow } from './store.ts'

export interface FieldPlace {
  readonly tenant: TenantId
  readonly table: ContextTable
  readonly key: string
  readonly field: WriteField
}

/** Of a field that no device has written yet: what the row says of it. */
export async function readField(sql: Queryable, at: FieldPlace, row: StoredRow): Promise<FieldState> {
  const held = await read<FieldState>(sql, at)
  if (held !== null) return held
  const columns = at.field.columns.map((column) => row.columns[column] ?? { version: 0, by: '' })
  return {
    claims: [],
    ground: {
      value: valueIn(row.body, at.field),
      version: Math.max(...columns.map(({ version }) => version)),
    },
    centreVersion: Math.max(0, ...columns.filter(({ by }) => by === '').map(({ version }) => version)),
  }
}

export async function readList(sql: Queryable, at: FieldPlace, row: StoredRow): Promise<ListState> {
  const [column = ''] = at.field.columns
  return (await read<ListState>(sql, at)) ?? { own: (row.body[column] ?? []) as readonly Json[], added: [] }
}

export async function writeField(
  tx: Transaction,
  { tenant, table, key, field }: FieldPlace,
  state: FieldState | ListState,
): Promise<void> {
  await tx.query(
    `insert into ops.field (tenant, tbl, key, field, state) values ($1, $2, $3, $4, $5::text::jsonb)
     on conflict (tenant, tbl, key, field) do update set state = excluded.state`,
    [tenant, table, key, field.name, JSON.stringify(state)],
  )
}

export function valueIn(body: JsonObject, { columns }: WriteField): JsonObject {
  return Object.fromEntries(columns.map((column) => [column, body[column] ?? null]))
}

async function read<S>(sql: Queryable, { tenant, table, key, field }: FieldPlace): Promise<S | null> {
  const [found] = await sql.query<{ state: never }>(
    'select state from ops.field where tenant = $1 and tbl = $2 and key = $3 and field = $4',
    [tenant, table, key, field.name],
  )
  return found === undefined ? null : found.state
}
