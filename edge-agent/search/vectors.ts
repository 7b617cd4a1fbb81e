/**
 * The vectors beside the chunks. Those of a new model are made beside those of the old one, batch by batch, and the old ones go when
 * the new are complete; until then questions are embedded by the old model. A kill in between costs the batch that it hit.
 */
import { StarlingError } from '../../shared/errors.ts'
import type { Kernel, Principal } from '../../shared/kernel/contract.ts'
import type { Database, Queryable, Transaction } from '../../shared/sql/port.ts'
import type { Embedder } from '../embedding/embedder.ts'
import {
  checkVector,
  sameStamp,
  VECTOR_SCHEMA,
  type StampedVector,
  type VectorStamp,
} from '../embedding/stamp.ts'
import { writeIndex } from './index-effect.ts'

export class StampUnknown extends StarlingError {
  override readonly code = 'stamp_unknown'
}

/** The embedding models of this device, by their digests. */
export interface EmbedderShelf {
  /** The one that is to be used; null when this device has none. */
  chosen(): string | null
  /** Opens it, or gives the open one; null when it is not here any more. */
  open(model: string): Promise<Embedder | null>
  /** Every vector is of the chosen model now: the others can be closed. */
  settle(): Promise<void>
}

export interface HeldStamp extends VectorStamp {
  readonly id: number
  /** True once every chunk of prose had its vector. */
  readonly complete: boolean
}

export interface VectorParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly principal: Principal
  readonly embedders: EmbedderShelf
}

/** Chunks embedded at a time: a model of 20 ms a text keeps its thread for a second. */
const BATCH_CHUNKS = 64
/** Vectors of a model that is no longer used are removed so many at a time. */
const BATCH_REMOVED = 1_000

export async function heldStamps(sql: Queryable): Promise<readonly HeldStamp[]> {
  const rows = await sql.query(
    'select id, model, dimension, norm, schema, complete from search.stamp order by id',
  )
  // Written by stampOf alone, from a stamp.
  return rows as unknown as readonly HeldStamp[]
}

/** The vectors that questions go to: those of the chosen model once they are complete, else complete ones whose model is still here. */
export async function readyVectors(
  sql: Queryable,
  shelf: EmbedderShelf,
): Promise<{ readonly stamp: HeldStamp; readonly embedder: Embedder } | null> {
  const complete = (await heldStamps(sql)).filter((stamp) => stamp.complete && stamp.schema === VECTOR_SCHEMA)
  const chosen = shelf.chosen()
  const byChoice = [...complete].sort((a, b) => Number(b.model === chosen) - Number(a.model === chosen))
  for (const stamp of byChoice) {
    const embedder = await shelf.open(stamp.model)
    if (embedder !== null) return { stamp, embedder }
  }
  return null
}

/** Makes what is missing for the chosen model; returns how many vectors were made. Opens no model when nothing is missing. */
export async function fillVectors(parts: VectorParts, signal: AbortSignal): Promise<number> {
  const { db, embedders } = parts
  const chosen = embedders.chosen()
  if (chosen === null || (await isFilled(db, chosen))) return 0
  const embedder = await embedders.open(chosen)
  if (embedder === null) return 0
  const stamp = await stampOf(parts, embedder)
  let made = 0
  for (;;) {
    signal.throwIfAborted()
    const batch = await withoutVector(db, stamp)
    if (batch.length === 0) break
    const items = await vectorsOf(batch, embedder)
    made += await writeIndex(parts, {
      what: 'vectors',
      items: batch.map(({ id }) => id),
      by: embedder,
      write: async (tx) => await storeVectors(tx, items, stamp),
    })
  }
  await finish(parts, { stamp, embedder }, signal)
  return made
}

/** True when no chunk lacks a vector of the model, and no other model's are left. */
async function isFilled(sql: Queryable, model: string): Promise<boolean> {
  const [row] = await sql.query<{ filled: boolean }>(
    `select not exists (select from search.stamp where model <> $1 or schema <> ${VECTOR_SCHEMA})
       and not exists (
         select from search.chunk c where c.prose and not exists (
           select from search.vector v join search.stamp s on s.id = v.stamp and s.model = $1 and s.schema = ${VECTOR_SCHEMA} and s.complete where v.chunk = c.id
         )
       ) as filled`,
    [model],
  )
  return row?.filled === true
}

async function stampOf(parts: VectorParts, embedder: Embedder): Promise<HeldStamp> {
  const { model, dimension, norm, schema } = embedder.stamp
  const find = async (): Promise<HeldStamp | undefined> =>
    (await heldStamps(parts.db)).find((held) => sameStamp(held, embedder.stamp))
  const known = await find()
  if (known !== undefined) return known
  await writeIndex(parts, {
    what: 'stamp',
    items: [model, dimension, norm, schema],
    by: embedder,
    write: async (tx) => {
      await tx.query('insert into search.stamp (model, dimension, norm, schema) values ($1, $2, $3, $4)', [
        model,
        dimension,
        norm,
        schema,
      ])
      return 1
    },
  })
  const made = await find()
  if (made === undefined) throw unknown(model)
  return made
}

interface BareChunk {
  readonly id: string
  readonly heading: string
  readonly text: string
}

/** What a chunk is about counts as much as what it says: the two are embedded apart and added, whatever their lengths. */
async function vectorsOf(
  batch: readonly BareChunk[],
  embedder: Embedder,
): Promise<readonly { readonly chunk: string; readonly vector: StampedVector }[]> {
  const headings = await embedder.embed(batch.map(({ heading }) => heading))
  const texts = await embedder.embed(batch.map(({ text }) => text))
  return batch.map(({ id }, at) => {
    const heading = headings[at]
    const text = texts[at]
    if (heading === undefined || text === undefined) throw unknown(embedder.stamp.model)
    return { chunk: id, vector: added(heading, text) }
  })
}

function added({ stamp, values }: StampedVector, other: StampedVector): StampedVector {
  checkVector(other, stamp)
  const sum = values.map((value, at) => value + (other.values[at] ?? 0))
  const length = Math.hypot(...sum)
  // Opposites cancel out: then the heading alone stands.
  return { stamp, values: length < 1e-6 ? values : sum.map((value) => value / length) }
}

async function withoutVector(sql: Queryable, stamp: HeldStamp): Promise<readonly BareChunk[]> {
  return await sql.query<{ id: string; heading: string; text: string }>(
    `select c.id, concat_ws('. ', p.title, nullif(p.heading, '')) as heading, p.body as text
     from search.chunk c join search.passage p on p.chunk = c.id
     where c.prose and not exists (select from search.vector v where v.chunk = c.id and v.stamp = $1)
     order by c.id limit ${BATCH_CHUNKS}`,
    [stamp.id],
  )
}

/** Stores vectors under their stamp. Throws `VectorRefused` when one is of another, and then stores none. */
export async function storeVectors(
  tx: Transaction,
  items: readonly { readonly chunk: string; readonly vector: StampedVector }[],
  stamp: HeldStamp,
): Promise<number> {
  const rows = items.map(({ chunk, vector }) => {
    checkVector(vector, stamp)
    return { chunk, vector: vectorText(vector.values) }
  })
  // A chunk that went meanwhile takes no vector.
  await tx.query(
    `insert into search.vector (stamp, dimension, chunk, vector)
     select $2, $3, fresh.chunk, fresh.vector::public.vector
     from jsonb_to_recordset($1::text::jsonb) as fresh(chunk text, vector text) join search.chunk c on c.id = fresh.chunk
     on conflict do nothing`,
    [JSON.stringify(rows), stamp.id, stamp.dimension],
  )
  return rows.length
}

/** The new vectors are complete: questions go to them from here on, and the others are removed. */
async function finish(
  parts: VectorParts,
  { stamp, embedder }: { readonly stamp: HeldStamp; readonly embedder: Embedder },
  signal: AbortSignal,
): Promise<void> {
  const others = (await heldStamps(parts.db)).filter(({ id }) => id !== stamp.id)
  if (!stamp.complete || others.some(({ complete }) => complete))
    await writeIndex(parts, {
      what: 'complete',
      items: [stamp.model],
      by: embedder,
      write: async (tx) => {
        await tx.query('update search.stamp set complete = (id = $1)', [stamp.id])
        return 1
      },
    })
  for (const other of others) {
    let isLeft = true
    while (isLeft) {
      signal.throwIfAborted()
      const removed = await writeIndex(parts, {
        what: 'remove',
        items: [other.model],
        by: null,
        write: async (tx) => await removeSome(tx, other),
      })
      isLeft = removed > 0
    }
  }
  await parts.embedders.settle()
}

/** Removes a batch of its vectors; with the last, the stamp itself, and says 0. */
async function removeSome(tx: Transaction, { id }: HeldStamp): Promise<number> {
  const removed = await tx.query(
    `delete from search.vector where (chunk, stamp) in
       (select chunk, stamp from search.vector where stamp = $1 limit ${BATCH_REMOVED}) returning 1 as removed`,
    [id],
  )
  if (removed.length === 0) await tx.query('delete from search.stamp where id = $1', [id])
  return removed.length
}

/** As pgvector reads it. */
export function vectorText(values: Float32Array): string {
  return `[${values.join(',')}]`
}

function unknown(model: string): StampUnknown {
  return new StampUnknown(`the index has no vectors of the model ${model.slice(0, 12)}`, {
    remedy: 'Nothing needs to be done: they are made in the background.',
  })
}
