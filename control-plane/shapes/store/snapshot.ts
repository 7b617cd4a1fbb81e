/** Taking a shape's snapshot: one statement reads the rows, cuts them into chunks and stores them, and says what it saw. */
import type { Database, Queryable } from '../../../shared/sql/port.ts'
import { parseSnapshot, type PgSnapshot } from '../capture/snapshot-visibility.ts'
import type { ResolvedShape } from '../definition.ts'
import { Bindings } from '../expression/render.ts'
import { quoteLiteral, quoteTable } from '../identifiers.ts'
import { findRelation } from '../relation.ts'
import { conditionSql, fromSql, keySql, valueSql } from './row-sql.ts'

export interface Snapshot {
  readonly seen: PgSnapshot
  readonly chunks: number
}

/** Stores the snapshot and the shape, still `making`. Null where the table is no longer what the shape was resolved for. */
export async function takeSnapshot(
  db: Database,
  handle: string,
  resolved: ResolvedShape,
  chunkBytes: number,
): Promise<Snapshot | null> {
  return await db.transaction(async (tx) => {
    // From here to the end nobody changes the table's columns.
    const { relation } = resolved
    await tx.query(`lock table only ${quoteTable(relation)} in access share mode`)
    const found = await findRelation(tx, relation)
    if (found?.oid !== relation.oid || found.layout !== relation.layout) return null
    const stored = await storeRows(tx, handle, resolved, chunkBytes)
    const seen = parseSnapshot(stored.snapshot)
    const chunks = await storeEnd(tx, handle, stored, chunkBytes)
    await tx.query(
      `insert into starling_shapes.shape (handle, digest, definition, relation, snapshot, chunks)
       values ($1::text, $2::text, $3::jsonb, $4::jsonb, $5::text, $6::int4)`,
      [
        handle,
        resolved.digest,
        JSON.stringify(resolved.definition),
        JSON.stringify(relation),
        stored.snapshot,
        chunks,
      ],
    )
    return { seen, chunks }
  })
}

interface Stored {
  readonly snapshot: string
  readonly chunks: number
  readonly lastBytes: number
}

async function storeRows(
  tx: Queryable,
  handle: string,
  resolved: ResolvedShape,
  chunkBytes: number,
): Promise<Stored> {
  const { relation, columns, definition, filter } = resolved
  const bindings = new Bindings()
  const headers = JSON.stringify({ operation: 'insert', relation: [relation.schema, relation.table] })
  const condition = definition.log === 'changes_only' ? 'false' : conditionSql([filter], bindings)
  const [stored] = await tx.query<{
    readonly snapshot: string
    readonly chunks: number
    readonly last_bytes: number
  }>(
    `with message as materialized (
       select row_number() over () as i,
         '{"key":' || to_json(${keySql(relation, columns)})::text || ',"value":' || ${valueSql(relation, columns)} ||
         ${quoteLiteral(`,"headers":${headers}}`)} as body
       from ${fromSql(relation)} where ${condition}
     ), placed as (
       select i, body, (sum(octet_length(body)) over (order by i) - octet_length(body)) / ${chunkBytes} as place from message
     ), chunked as (
       select i, body, dense_rank() over (order by floor(place)) - 1 as n from placed
     ), stored as (
       insert into starling_shapes.chunk (handle, n, body)
       select ${bindings.bind(handle)}::text, n, string_agg(body, ',' order by i) from chunked group by n
       returning n, octet_length(body) as bytes
     )
     select pg_current_snapshot()::text as snapshot, count(*)::int4 as chunks,
       coalesce((array_agg(bytes order by n desc))[1], 0)::int4 as last_bytes from stored`,
    bindings.values.map((value) => (typeof value === 'string' ? value : [...value])),
  )
  return { snapshot: stored?.snapshot ?? '', chunks: stored?.chunks ?? 0, lastBytes: stored?.last_bytes ?? 0 }
}

/** The snapshot's last message says what it saw; it goes into the last chunk where that has room. Gives the number of chunks. */
async function storeEnd(
  tx: Queryable,
  handle: string,
  { snapshot, chunks, lastBytes }: Stored,
  chunkBytes: number,
): Promise<number> {
  const end = snapshotEnd(parseSnapshot(snapshot))
  if (chunks > 0 && lastBytes < chunkBytes) {
    await tx.query(
      `update starling_shapes.chunk set body = body || ',' || $3::text where handle = $1::text and n = $2::int4`,
      [handle, chunks - 1, end],
    )
    return chunks
  }
  await tx.query(
    'insert into starling_shapes.chunk (handle, n, body) values ($1::text, $2::int4, $3::text)',
    [handle, chunks, end],
  )
  return chunks + 1
}

export function snapshotFields(seen: PgSnapshot): {
  readonly xmin: string
  readonly xmax: string
  readonly xip_list: readonly string[]
} {
  return { xmin: String(seen.xmin), xmax: String(seen.xmax), xip_list: [...seen.inProgress].map(String) }
}

function snapshotEnd(seen: PgSnapshot): string {
  return JSON.stringify({ headers: { control: 'snapshot-end', ...snapshotFields(seen) } })
}
