/**
 * Applies one answer of the centre: rows, tombstones, results of this device's writes and the cursor, in ONE transaction,
 * so that a kill at any moment leaves a copy that its own cursor describes. It is an effect like any other: the kernel
 * admits it, and the record names the digest of what was applied.
 */
import * as v from 'valibot'
import { digestOf } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { EffectRequest, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { ContextAnswer } from '../../shared/wire/context.ts'
import { settleWrites } from './settlement.ts'

export class StaleAnswer extends StarlingError {
  override readonly code = 'stale_answer'
}

/** Where the copy stands. */
export interface SyncPosition {
  readonly epoch: string | null
  readonly cursor: number
  /** When the centre was last heard, ISO 8601; null for never. */
  readonly syncedAt: string | null
}

export async function readPosition(sql: Queryable): Promise<SyncPosition> {
  const [row] = await sql.query<{ epoch: string | null; cursor: number; synced_at: string }>(
    `select epoch, cursor, to_char(synced_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as synced_at from context.sync`,
  )
  if (row === undefined) return { epoch: null, cursor: 0, syncedAt: null }
  return { epoch: row.epoch, cursor: row.cursor, syncedAt: row.synced_at }
}

/** The request to the kernel for applying `answer` after `position`. */
export function applyRequest(
  answer: ContextAnswer,
  position: SyncPosition,
  principal: Principal,
): EffectRequest<JsonObject> {
  return {
    principal,
    action: 'context.apply',
    resource: { type: 'context', id: answer.epoch },
    dataClass: 'internal',
    input: {
      digest: digestOf(answer as unknown as Json),
      from: position.cursor,
      to: answer.nextCursor,
      restart: answer.restart,
      rows: answer.rows.length,
      tombstones: answer.tombstones.length,
    },
    confidence: null,
    turn: null,
    cost: 1,
  }
}

const InputSchema = v.object({ digest: v.string(), from: v.number() })

/** Performs `context.apply` for exactly this answer. */
export function applyPerformer(
  answer: ContextAnswer,
  syncedAtMs: number,
): TransactionalPerformer<JsonObject, JsonObject> {
  return {
    kind: 'transactional',
    action: 'context.apply',
    route: () => ({
      provider: 'starling',
      model: 'context-applier/1',
      digest: null,
      region: 'device',
      reason: 'the copy lies on the device',
    }),
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, 'context.apply')
      const { digest, from } = v.parse(InputSchema, request.input)
      const position = await readPosition(tx)
      if (digest !== digestOf(answer as unknown as Json) || position.cursor !== from) throw stale()
      await applyAnswer(tx, answer, syncedAtMs)
      return { cursor: answer.nextCursor }
    },
    check: (output) => {
      if (output['cursor'] !== answer.nextCursor) throw stale()
    },
  }
}

async function applyAnswer(tx: Transaction, answer: ContextAnswer, syncedAtMs: number): Promise<void> {
  if (answer.restart) await tx.query('delete from context.row')
  // Tombstones first: a row that left a scope and came back has a later version than its tombstone.
  await tx.query(
    `delete from context.row r using jsonb_to_recordset($1::text::jsonb) as gone("table" text, key text, version bigint)
     where r.tbl = gone."table" and r.key = gone.key and r.version < gone.version`,
    [JSON.stringify(answer.tombstones)],
  )
  await tx.query(
    `insert into context.row (tbl, key, version, write_id, body)
     select "table", key, version, "writeId", body
       from jsonb_to_recordset($1::text::jsonb) as fresh("table" text, key text, version bigint, "writeId" text, body jsonb)
     on conflict (tbl, key) do update set version = excluded.version, write_id = excluded.write_id, body = excluded.body
       where context.row.version < excluded.version`,
    [JSON.stringify(answer.rows)],
  )
  await settleWrites(tx, answer.nextCursor)
  await storePosition(tx, answer, syncedAtMs)
}

/** Notes that the centre was heard, and where the copy stands. */
export async function storePosition(
  tx: Transaction,
  position: { readonly epoch: string; readonly nextCursor: number },
  syncedAtMs: number,
): Promise<void> {
  await tx.query(
    `insert into context.sync (epoch, cursor, synced_at) values ($1, $2, $3::text::timestamptz)
     on conflict (only_one) do update set epoch = excluded.epoch, cursor = excluded.cursor, synced_at = excluded.synced_at`,
    [position.epoch, position.nextCursor, new Date(syncedAtMs).toISOString()],
  )
}

function stale(): StaleAnswer {
  return new StaleAnswer('an answer was not applied: the copy moved on meanwhile', {
    remedy: 'None is needed: the next pull asks from where the copy stands.',
  })
}
