/**
 * What an index over the vectors would find of what the scan finds, and at which price. The device scans: see the rows for why. The index is
 * made in a table of the benchmark's own.
 */
import type { Queryable } from '../../../shared/sql/port.ts'
import type { StampedVector } from '../../../edge-agent/embedding/stamp.ts'
import { vectorText } from '../../../edge-agent/search/vectors.ts'
import type { BenchRow } from '../report.ts'

const SHOWN = 10
const MS = 1_000

export async function indexedRows(
  sql: Queryable,
  questions: readonly StampedVector[],
): Promise<readonly BenchRow[]> {
  const [first] = questions
  if (first === undefined) return []
  const { dimension } = first.stamp
  await sql.query(
    `create temporary table bench_vector as
     select v.chunk, v.vector::public.vector(${dimension}) as vector from search.vector v join search.stamp s on s.id = v.stamp and s.complete`,
  )
  const exact = await askAll(sql, questions)
  const from = performance.now()
  await sql.query('create index on bench_vector using hnsw (vector public.vector_ip_ops)')
  const builtMs = performance.now() - from
  await sql.query('analyze bench_vector')
  await sql.query('set enable_seqscan = off')
  const indexed = await askAll(sql, questions)
  await sql.query('reset enable_seqscan')
  await sql.query('drop table bench_vector')
  let found = 0
  let wanted = 0
  for (const [index, keys] of exact.found.entries()) {
    wanted += keys.length
    found += keys.filter((key) => indexed.found[index]?.includes(key)).length
  }
  return [
    { name: 'recall at 10, HNSW index over exact scan', value: found / wanted, unit: '', baseline: 1 },
    { name: 'nearest ten by index, mean', value: indexed.ms, unit: 'ms', baseline: exact.ms },
    { name: 'making the index', value: builtMs / MS, unit: 's' },
  ]
}

async function askAll(
  sql: Queryable,
  questions: readonly StampedVector[],
): Promise<{ readonly found: readonly (readonly string[])[]; readonly ms: number }> {
  const found: string[][] = []
  const from = performance.now()
  for (const { values } of questions) {
    const rows = await sql.query<{ chunk: string }>(
      `select chunk from bench_vector order by vector operator(public.<#>) $1::text::public.vector limit ${SHOWN}`,
      [vectorText(values)],
    )
    found.push(rows.map(({ chunk }) => chunk))
  }
  return { found, ms: (performance.now() - from) / questions.length }
}
