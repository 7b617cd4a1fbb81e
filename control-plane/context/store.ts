/** Rows of the synced data. What a device may see of them is said in `shared/context/shapes.ts`. */
import * as v from 'valibot'
import { ROW_SCHEMAS, type ContextTable } from '../../shared/context/tables.ts'
import { invariant, StarlingError } from '../../shared/errors.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import { describeIssues } from '../../shared/wire/answer.ts'
import { MAX_ROW_BYTES } from '../../shared/wire/context.ts'

export class BadRow extends StarlingError {
  override readonly code = 'bad_row'
}

/** Any constant: whoever numbers a change holds this lock until it commits. */
const VERSION_LOCK = 7_400_002

export interface RowChange {
  readonly tenant: TenantId
  readonly table: ContextTable
  readonly key: string
  readonly body: JsonObject
  /** Null: every site of the tenant. */
  readonly site: SiteId | null
  /** Null: every device of the site. */
  readonly device: DeviceId | null
  /** The journal write behind it, and who made it; null for the centre itself. */
  readonly write: { readonly id: string; readonly origin: string } | null
  /** From {@link reserveVersion}, where the number was needed before the row was. */
  readonly version?: number
}

export interface StoredRow {
  readonly body: JsonObject
  readonly version: number
  readonly site: string | null
  readonly device: string | null
  /** Column -> who wrote it last (`''` for the centre), at which version. */
  readonly columns: Readonly<Record<string, { readonly version: number; readonly by: string }>>
}

/** Inserts or replaces a row; returns its new version, or the old one when nothing would change. Throws {@link BadRow}. */
export async function putRow(tx: Transaction, change: RowChange): Promise<number> {
  const body = checkedBody(change.table, change.body)
  await lockVersions(tx)
  const before = await findRow(tx, change.tenant, change)
  const moved = before !== null && (before.site !== change.site || before.device !== change.device)
  const changed = Object.keys(body).filter(
    (column) => before === null || !sameJson(before.body[column], body[column]),
  )
  if (before !== null && !moved && changed.length === 0 && change.write === null) return before.version
  const version = change.version ?? (await nextVersion(tx))
  const columns = { ...before?.columns }
  for (const column of changed) columns[column] = { version, by: change.write?.origin ?? '' }
  await tx.query(
    `insert into ops.row (tenant, tbl, key, site, device, version, write_id, body, columns)
     values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9::text::jsonb)
     on conflict (tenant, tbl, key) do update set site = excluded.site, device = excluded.device,
       version = excluded.version, write_id = excluded.write_id, body = excluded.body, columns = excluded.columns`,
    [
      change.tenant,
      change.table,
      change.key,
      change.site,
      change.device,
      version,
      change.write?.id ?? null,
      JSON.stringify(body),
      JSON.stringify(columns),
    ],
  )
  return version
}

/** The next version, and the lock under which versions are given until the transaction ends. */
export async function reserveVersion(tx: Transaction): Promise<number> {
  await lockVersions(tx)
  return await nextVersion(tx)
}

/** Takes a row away; devices that held it are told. Nothing happens where there is none. */
export async function removeRow(
  tx: Transaction,
  row: { readonly tenant: TenantId; readonly table: ContextTable; readonly key: string },
): Promise<void> {
  await tx.query('delete from ops.row where tenant = $1 and tbl = $2 and key = $3', [
    row.tenant,
    row.table,
    row.key,
  ])
}

export async function findRow(
  sql: Queryable,
  tenant: TenantId,
  row: { readonly table: ContextTable; readonly key: string },
): Promise<StoredRow | null> {
  const [found] = await sql.query<{
    body: JsonObject
    version: number
    site: string | null
    device: string | null
    columns: JsonObject
  }>('select body, version, site, device, columns from ops.row where tenant = $1 and tbl = $2 and key = $3', [
    tenant,
    row.table,
    row.key,
  ])
  if (found === undefined) return null
  return {
    ...found,
    version: found.version,
    columns: found.columns as unknown as StoredRow['columns'],
  }
}

/** All rows of a table, oldest change first; for the console. */
export async function listRows(
  sql: Queryable,
  tenant: TenantId,
  table: ContextTable,
): Promise<readonly { key: string; version: number; site: string | null; body: JsonObject }[]> {
  const rows = await sql.query<{ key: string; version: number; site: string | null; body: JsonObject }>(
    'select key, version, site, body from ops.row where tenant = $1 and tbl = $2 order by version limit 5000',
    [tenant, table],
  )
  return rows.map((row) => ({ ...row, version: row.version }))
}

/** A row's body by its table's schema. Throws {@link BadRow}, which names the column. */
export function checkedBody(table: ContextTable, body: JsonObject): JsonObject {
  const parsed = v.safeParse(ROW_SCHEMAS[table], body)
  if (!parsed.success) throw badRow(table, describeIssues(parsed.issues))
  if (Buffer.byteLength(JSON.stringify(parsed.output)) > MAX_ROW_BYTES)
    throw badRow(table, `it has more than ${MAX_ROW_BYTES} bytes`)
  return parsed.output
}

function badRow(table: string, why: string): BadRow {
  return new BadRow(`a row of ${table} was refused: ${why}`, {
    remedy: 'Send every column of the table, each of its type.',
  })
}

async function lockVersions(tx: Transaction): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [VERSION_LOCK])
}

async function nextVersion(tx: Transaction): Promise<number> {
  const [row] = await tx.query<{ version: number }>("select nextval('ops.version') as version")
  invariant(row !== undefined, 'a sequence gives a number')
  return row.version
}

/** By value: stored jsonb does not keep the order of an object's keys. */
function sameJson(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}
