/** What actions and the grammar read of the context: the copy with the local changes over it. */
import type { ContextTable, RowOf } from '../../shared/context/tables.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { Procedure } from '../guide/guide.ts'
import { bestMatches, type Match } from './match.ts'

/** A row with what the device knows of it. */
export type Held<T extends ContextTable> = RowOf<T> & {
  readonly id: string
  readonly version: number
  /** True while a local change of it is on its way up. */
  readonly pending: boolean
  /** True while a change of it that the centre did not take waits for a person; a row that only that change made is one too. */
  readonly rejected: boolean
}

/** Lists are spoken or shown on a small page; the grammar takes this many names. */
const MAX_LISTED = 1_000

export async function findRow<T extends ContextTable>(
  sql: Queryable,
  table: T,
  id: string,
): Promise<Held<T> | null> {
  return (await select(sql, table, { where: 'key = $2', params: [id] }))[0] ?? null
}

/** By the number that people say; leading zeros do not count. */
export async function findWorkOrder(sql: Queryable, number: string): Promise<Held<'work_order'> | null> {
  const plain = number.replace(/^0+(?=\d)/, '')
  return (await select(sql, 'work_order', { where: `body->>'number' = $2`, params: [plain] }))[0] ?? null
}

/** Not closed, most urgent first; with `all`, closed ones too. */
export async function listWorkOrders(
  sql: Queryable,
  options: { readonly all: boolean } = { all: false },
): Promise<readonly Held<'work_order'>[]> {
  return await select(sql, 'work_order', {
    where: options.all ? 'true' : `body->>'status' <> 'closed'`,
    order: `array_position(array['urgent','high','normal','low'], body->>'priority'), (body->>'number')::bigint`,
  })
}

/** A procedure with its steps in order, as the guide takes it. */
export async function findProcedure(sql: Queryable, id: string): Promise<Procedure | null> {
  const procedure = await findRow(sql, 'procedure', id)
  if (procedure === null) return null
  const steps = await select(sql, 'step', {
    where: `body->>'procedureId' = $2`,
    params: [id],
    order: `(body->>'number')::int`,
  })
  return {
    id,
    title: procedure.title,
    steps: steps.map(({ number, text, evidence }) => ({ number, text, evidence })),
  }
}

/** By name, tag or other name; several when the words fit several equally. */
export async function findAsset(sql: Queryable, text: string): Promise<Match<Held<'asset'>>> {
  return bestMatches(await listAssets(sql), text, ({ name, tag, aliases }) => [name, tag, ...aliases])
}

export async function findPart(sql: Queryable, text: string): Promise<Match<Held<'part'>>> {
  return bestMatches(await listParts(sql), text, ({ name, number, aliases }) => [name, number, ...aliases])
}

export async function listAssets(sql: Queryable): Promise<readonly Held<'asset'>[]> {
  return await select(sql, 'asset', { order: `body->>'name'` })
}

export async function listParts(sql: Queryable): Promise<readonly Held<'part'>[]> {
  return await select(sql, 'part', { order: `body->>'name'` })
}

export async function listInbox(sql: Queryable): Promise<readonly Held<'inbox_item'>[]> {
  return await select(sql, 'inbox_item', { order: `body->>'raisedAt' desc` })
}

/** Open work on an asset, most urgent first. */
export async function openOrdersOf(sql: Queryable, assetId: string): Promise<readonly Held<'work_order'>[]> {
  return await select(sql, 'work_order', {
    where: `body->>'status' <> 'closed' and body->>'assetId' = $2`,
    params: [assetId],
    order: `array_position(array['urgent','high','normal','low'], body->>'priority')`,
  })
}

/** What was measured on an asset and not taken back, newest first. */
export async function readingsOf(sql: Queryable, assetId: string): Promise<readonly Held<'reading'>[]> {
  return await select(sql, 'reading', {
    where: `body->>'assetId' = $2 and not (body->>'withdrawn')::boolean`,
    params: [assetId],
    order: `body->>'takenAt' desc`,
  })
}

/** Two versions of one field, ours and theirs; open ones first, each newest first. */
export async function listConflicts(
  sql: Queryable,
  options: { readonly all: boolean },
): Promise<readonly Held<'write_conflict'>[]> {
  return await select(sql, 'write_conflict', {
    where: options.all ? 'true' : `body->>'status' = 'open'`,
    order: `body->>'status', body->'oursBy'->>'at' desc, key`,
  })
}

/** Local writes that are not through yet, and conflicts that nobody settled. */
export async function countWrites(
  sql: Queryable,
): Promise<{ readonly pending: number; readonly conflicts: number; readonly rejected: number }> {
  const [row] = await sql.query<{ pending: number; conflicts: number; rejected: number }>(
    `select (select count(*) from local.overlay) as pending, (select count(*) from local.quarantine) as rejected,
       (select count(*) from context.current where tbl = 'write_conflict' and body->>'status' = 'open') as conflicts`,
  )
  return row ?? { pending: 0, conflicts: 0, rejected: 0 }
}

/** Everything that a person may name, for the grammar. */
export interface Names {
  readonly assets: readonly { readonly id: string; readonly names: readonly string[] }[]
  readonly parts: readonly { readonly id: string; readonly names: readonly string[] }[]
  readonly workOrders: readonly string[]
}

export async function listNames(sql: Queryable): Promise<Names> {
  const assets = await listAssets(sql)
  const parts = await listParts(sql)
  return {
    assets: assets.map(({ id, name, tag, aliases }) => ({ id, names: [name, tag, ...aliases] })),
    parts: parts.map(({ id, name, number, aliases }) => ({ id, names: [name, number, ...aliases] })),
    workOrders: (await listWorkOrders(sql, { all: true })).map(({ number }) => number),
  }
}

async function select<T extends ContextTable>(
  sql: Queryable,
  table: T,
  choice: { readonly where?: string; readonly params?: readonly string[]; readonly order?: string },
): Promise<readonly Held<T>[]> {
  const rows = await sql.query<{
    key: string
    version: number
    pending: boolean
    rejected: boolean
    body: never
  }>(
    `select key, version, pending, rejected, body from context.current where tbl = $1 and (${choice.where ?? 'true'})
     order by ${choice.order ?? 'key'} limit ${MAX_LISTED}`,
    [table, ...(choice.params ?? [])],
  )
  // Every body passed its table's schema: at the centre for a synced row, in prepareWrite for a local one.
  return rows.map(({ key, version, pending, rejected, body }) => ({
    ...(body as object as RowOf<T>),
    id: key,
    version,
    pending,
    rejected,
  }))
}
