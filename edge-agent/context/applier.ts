/**
 * Brings the copy from one transaction of the centre to a later one: rows, and where each table stands in its log, in ONE transaction,
 * so that a kill at any moment leaves a copy that its own offsets describe (C3). It is an effect like any other: the kernel admits
 * it, and the record names the digest of what was applied (C7).
 */
import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { EffectRequest, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { readPosition, storePlace, storePosition } from './position.ts'
import { collapse, type RowColumns, type WholeRow } from './rows.ts'
import type { Place } from './shape/place.ts'
import type { TableStep } from './shape/prefix.ts'
import { settleWrites } from './settlement.ts'
import { swapIn } from './stage.ts'

export class StaleBatch extends StarlingError {
  override readonly code = 'stale_batch'
}

/** The copy is not what its offset says: the table must be fetched anew. */
export class CopyDiverged extends StarlingError {
  override readonly code = 'copy_diverged'
}

/** What was staged for a table: SHA-256 over it, in hex. */
export interface StagedLoad {
  readonly sha256: string
}

/** One table's part of a batch, as the statements take it. */
interface PreparedStep {
  readonly table: ContextTable
  readonly load: StagedLoad | null
  /** JSON arrays; null where there is none. */
  readonly puts: string | null
  readonly patches: { readonly text: string; readonly count: number } | null
  readonly removes: readonly string[]
  readonly place: Place
}

export interface Batch {
  /** The transactions that the copy stands at before and after; the centre's numbers as text. */
  readonly from: string
  readonly to: string
  readonly steps: readonly PreparedStep[]
  readonly sha256: string
}

/** Throws `ForeignAnswer` for operations that cannot be of their table. */
export function prepareBatch(
  span: Pick<Batch, 'from' | 'to'>,
  steps: readonly TableStep<ContextTable>[],
  loads: ReadonlyMap<ContextTable, StagedLoad>,
): Batch {
  const hash = createHash('sha256')
  const prepared = steps.map(({ table, operations, swap, place }) => {
    const { puts, patches, removes } = collapse(table, operations)
    const load = swap === 'yes' ? (loads.get(table) ?? null) : null
    const step: PreparedStep = {
      table,
      load,
      puts: puts.length === 0 ? null : `[${puts.map(putJson).join(',')}]`,
      patches:
        patches.length === 0
          ? null
          : { text: `[${patches.map(patchJson).join(',')}]`, count: patches.length },
      removes,
      place,
    }
    for (const part of [table, load?.sha256, step.puts, step.patches?.text, JSON.stringify(removes)])
      hash.update(`${part ?? ''}\n`)
    return step
  })
  return { ...span, steps: prepared, sha256: hash.digest('hex') }
}

/** A body stays text until PostgreSQL reads it: nothing in it can end the row that it belongs to. */
function putJson({ key, version, writeId, body }: WholeRow): string {
  return `{"k":${JSON.stringify(key)},"v":${version},"w":${JSON.stringify(writeId ?? null)},"b":${JSON.stringify(body)}}`
}

function patchJson({ key, version, writeId, body }: RowColumns): string {
  const parts = [`"k":${JSON.stringify(key)}`]
  if (version !== undefined) parts.push(`"v":${version}`)
  if (writeId !== undefined) parts.push(`"x":true,"w":${JSON.stringify(writeId)}`)
  if (body !== undefined) parts.push(`"b":${JSON.stringify(body)}`)
  return `{${parts.join(',')}}`
}

/** The request to the kernel for applying `batch`. */
export function applyRequest(batch: Batch, principal: Principal): EffectRequest<JsonObject> {
  const { from, to, sha256, steps } = batch
  return {
    principal,
    action: 'context.apply',
    resource: { type: 'context', id: 'copy' },
    dataClass: 'internal',
    input: {
      digest: sha256,
      from,
      to,
      tables: steps.map(({ table, load }) => (load === null ? table : `${table} anew`)),
    },
    confidence: null,
    turn: null,
    cost: 1,
  }
}

const InputSchema = v.object({ digest: v.string(), from: v.string(), to: v.string() })

/** Performs `context.apply` for exactly this batch. Rolled back with {@link CopyDiverged} where the copy does not fit it. */
export function applyPerformer(
  batch: Batch,
  syncedAtMs: number,
): TransactionalPerformer<JsonObject, JsonObject> {
  return {
    kind: 'transactional',
    action: 'context.apply',
    accepts: InputSchema,
    route: () => ({
      provider: 'starling',
      model: 'context-applier/2',
      digest: null,
      region: 'device',
      reason: 'the copy lies on the device',
    }),
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, 'context.apply')
      const { digest, from, to } = v.parse(InputSchema, request.input)
      const { lsn } = await readPosition(tx)
      if (digest !== batch.sha256 || to !== batch.to || lsn !== from) throw stale()
      for (const step of batch.steps) await applyStep(tx, step)
      // Rows and results of one change of the centre come together.
      await settleWrites(tx, Infinity)
      await storePosition(tx, { lsn: to, syncedAtMs })
      return { lsn: to }
    },
    check: (output) => {
      if (output['lsn'] !== batch.to) throw stale()
    },
  }
}

async function applyStep(tx: Transaction, step: PreparedStep): Promise<void> {
  const { table, load, puts, patches, removes, place } = step
  if (load !== null) await swapIn(tx, table)
  if (removes.length > 0)
    await tx.query('delete from context.row where tbl = $1 and key = any($2::text[])', [table, [...removes]])
  if (puts !== null)
    await tx.query(
      `insert into context.row (tbl, key, version, write_id, body)
       select $1, k, v, w, b::jsonb from json_to_recordset($2::text::json) as fresh(k text, v bigint, w text, b text)
       on conflict (tbl, key) do update set version = excluded.version, write_id = excluded.write_id, body = excluded.body`,
      [table, puts],
    )
  if (patches !== null) {
    const [found] = await tx.query<{ rows: number }>(
      `with changed as (
         update context.row r set version = coalesce(c.v, r.version), body = coalesce(c.b::jsonb, r.body),
           write_id = case when c.x then c.w else r.write_id end
         from json_to_recordset($2::text::json) as c(k text, v bigint, x boolean, w text, b text)
         where r.tbl = $1 and r.key = c.k returning 1
       ) select count(*) as rows from changed`,
      [table, patches.text],
    )
    if (found?.rows !== patches.count)
      throw new CopyDiverged(
        `of ${patches.count} rows of ${table} that changed, ${found?.rows ?? 0} are here`,
        {
          remedy: 'None is needed: the table is fetched anew.',
        },
      )
  }
  await storePlace(tx, table, place)
}

function stale(): StaleBatch {
  return new StaleBatch('a batch was not applied: the copy moved on meanwhile', {
    remedy: 'None is needed: the next one starts from where the copy stands.',
  })
}
