/** One batch of the index's upkeep: rows that are there anew, and keys that are gone; worked out first, then written in one transaction. */
import * as v from 'valibot'
import { classRank } from '../../shared/context/data-class.ts'
import { isContextTable, ROW_SCHEMAS, type ContextTable } from '../../shared/context/tables.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { chunksOf } from './chunks.ts'
import { searchableText, type Readers, type Times } from './texts.ts'

export interface ChangedRow {
  readonly tbl: string
  readonly key: string
  /** Null: the row is gone. */
  readonly version: number | null
  readonly body: JsonObject | null
}

/** Writes the batch: chunks whose words stayed keep their row and their vectors. */
export async function writeChange(tx: Transaction, rows: readonly ChangedRow[]): Promise<void> {
  const keys = JSON.stringify(rows.map(({ tbl, key }) => ({ tbl, key })))
  const chunks = rows.flatMap(chunksOfRow)
  await tx.query(
    `delete from search.chunk c using jsonb_to_recordset($1::text::jsonb) as touched(tbl text, key text)
     where c.tbl = touched.tbl and c.key = touched.key and not (c.id = any($2::text[]))`,
    [keys, chunks.map(({ id }) => id)],
  )
  await tx.query(
    `insert into search.chunk (id, tbl, key, words, names, prose, class_rank, readers, valid_from, valid_to, recorded_at, retracted_at)
     select id, tbl, key,
       setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('simple', names), 'A')
         || setweight(to_tsvector('english', heading), 'B') || to_tsvector('english', body),
       case when names = '' then '' else lower(title || ' ' || names) end, prose, class_rank, readers, valid_from, valid_to, recorded_at, retracted_at
     from jsonb_to_recordset($1::text::jsonb) as fresh(id text, tbl text, key text, title text, names text, heading text, body text,
       prose boolean, class_rank smallint, readers text[], valid_from timestamptz, valid_to timestamptz, recorded_at timestamptz, retracted_at timestamptz)
     on conflict (id) do update set words = excluded.words, names = excluded.names, prose = excluded.prose, class_rank = excluded.class_rank,
       readers = excluded.readers, valid_from = excluded.valid_from, valid_to = excluded.valid_to,
       recorded_at = excluded.recorded_at, retracted_at = excluded.retracted_at`,
    [JSON.stringify(chunks)],
  )
  await tx.query(
    `insert into search.passage (chunk, place, title, heading, body, sources)
     select id, place, title, heading, body, sources
     from jsonb_to_recordset($1::text::jsonb) as fresh(id text, place integer, title text, heading text, body text, sources jsonb)
     on conflict (chunk) do update set place = excluded.place, title = excluded.title, heading = excluded.heading,
       body = excluded.body, sources = excluded.sources`,
    [JSON.stringify(chunks)],
  )
  await writeGraph(tx, rows, keys)
  await noteSources(tx, rows)
}

async function noteSources(tx: Transaction, rows: readonly ChangedRow[]): Promise<void> {
  const gone = rows.filter(({ version }) => version === null)
  const there = rows.filter(({ version }) => version !== null)
  await tx.query(
    `delete from search.source s using jsonb_to_recordset($1::text::jsonb) as gone(tbl text, key text)
     where s.tbl = gone.tbl and s.key = gone.key`,
    [JSON.stringify(gone.map(({ tbl, key }) => ({ tbl, key })))],
  )
  await tx.query(
    `insert into search.source (tbl, key, version)
     select tbl, key, version from jsonb_to_recordset($1::text::jsonb) as fresh(tbl text, key text, version bigint)
     on conflict (tbl, key) do update set version = excluded.version`,
    [JSON.stringify(there.map(({ tbl, key, version }) => ({ tbl, key, version })))],
  )
}

async function writeGraph(tx: Transaction, rows: readonly ChangedRow[], keys: string): Promise<void> {
  for (const table of ['node', 'edge'] as const) {
    await tx.query(
      `delete from graph.${table} g using jsonb_to_recordset($1::text::jsonb) as touched(tbl text, key text)
       where touched.tbl = '${table}' and g.key = touched.key`,
      [keys],
    )
    const items = rows.flatMap((row) =>
      row.tbl === table && row.body !== null ? statementOf(table, row) : [],
    )
    if (items.length > 0) await tx.query(INSERT_GRAPH[table], [JSON.stringify(items)])
  }
}

const STATEMENT_COLUMNS = `properties, sources, class_rank, readers, valid_from, valid_to, recorded_at, retracted_at`
const STATEMENT_TYPES = `properties jsonb, sources jsonb, class_rank smallint, readers text[],
  valid_from timestamptz, valid_to timestamptz, recorded_at timestamptz, retracted_at timestamptz`
const INSERT_GRAPH = {
  node: `insert into graph.node (key, node, kind, name, ${STATEMENT_COLUMNS})
    select key, node, kind, name, ${STATEMENT_COLUMNS}
    from jsonb_to_recordset($1::text::jsonb) as fresh(key text, node text, kind text, name text, ${STATEMENT_TYPES})`,
  edge: `insert into graph.edge (key, kind, from_node, to_node, ${STATEMENT_COLUMNS})
    select key, kind, "from", "to", ${STATEMENT_COLUMNS}
    from jsonb_to_recordset($1::text::jsonb) as fresh(key text, kind text, "from" text, "to" text, ${STATEMENT_TYPES})`,
} as const

/** Empty for a row whose shape this version does not know: it is looked at again when it changes. */
function statementOf(table: 'node' | 'edge', { key, body }: ChangedRow): readonly JsonObject[] {
  const parsed = v.safeParse(ROW_SCHEMAS[table], body)
  if (!parsed.success) return []
  const { dataClass, readers, validFrom, validTo, recordedAt, retractedAt, ...rest } = parsed.output
  const readable = guarded({ dataClass, roles: readers }, { validFrom, validTo, recordedAt, retractedAt })
  return [{ key, ...rest, ...readable }]
}

type IndexedChunk = JsonObject & { readonly id: string }

function chunksOfRow({ tbl, key, body }: ChangedRow): readonly IndexedChunk[] {
  if (body === null || !isContextTable(tbl)) return []
  const found = searchableText(tbl, body)
  if (found === null) return []
  const { text, readers } = found
  return chunksOf(text.title, text.text).map(({ id, place, heading, text: words }) => ({
    id: chunkId(tbl, key, id),
    tbl,
    key,
    place,
    title: text.title,
    names: text.names.join(' '),
    heading,
    body: words,
    prose: text.prose,
    sources: [{ system: 'starling', record: `${tbl}/${key}` }, ...text.sources],
    ...guarded(readers, text.times),
  }))
}

export const chunkId = (table: ContextTable, key: string, chunk: string): string => `${table}/${key}#${chunk}`

function guarded({ dataClass, roles }: Readers, times: Times): JsonObject {
  return {
    class_rank: classRank(dataClass),
    readers: [...roles],
    valid_from: times.validFrom,
    valid_to: times.validTo,
    recorded_at: times.recordedAt,
    retracted_at: times.retractedAt,
  }
}
