/**
 * What the device remembers from one turn to the next: one row, written in the transaction of the turn's own record, so a
 * device that lost power stands where its last record says.
 */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Route, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { TurnMemory } from '../turn/ports.ts'

/** One migration step; the device's migrations number it. */
export const turnMemorySql = `
  create schema if not exists memory;
  create table memory.turn (
    only_one boolean primary key default true check (only_one),
    remembered jsonb not null
  );
`

export class MemoryUnreadable extends StarlingError {
  override readonly code = 'memory_unreadable'
}

const SlotsSchema = v.record(v.string(), v.any())
const MemorySchema = v.strictObject({
  open: v.nullable(v.strictObject({ intent: v.string(), slots: SlotsSchema, missing: v.array(v.string()) })),
  // Rows of versions that remembered no such thing are read too.
  last: v.optional(
    v.nullable(v.strictObject({ intent: v.string(), slots: SlotsSchema, undoable: v.boolean() })),
    null,
  ),
  guide: v.variant('kind', [
    v.strictObject({ kind: v.literal('idle') }),
    v.strictObject({
      kind: v.literal('guiding'),
      procedureId: v.string(),
      workOrder: v.string(),
      index: v.pipe(v.number(), v.integer(), v.minValue(0)),
      recorded: v.array(v.string()),
    }),
    v.strictObject({ kind: v.literal('finished'), procedureId: v.string(), workOrder: v.string() }),
  ]),
  workOrder: v.nullable(v.string()),
})

const BLANK: TurnMemory = { open: null, last: null, guide: { kind: 'idle' }, workOrder: null }

/** Reads the memory; a device that never had a turn remembers nothing. Throws {@link MemoryUnreadable} on a damaged row. */
export async function recall(db: Queryable): Promise<TurnMemory> {
  const [row] = await db.query('select remembered from memory.turn')
  if (row === undefined) return BLANK
  const parsed = v.safeParse(MemorySchema, row['remembered'])
  if (parsed.success) return parsed.output
  throw new MemoryUnreadable('what the device remembers of the last turn cannot be read', {
    remedy: 'Say “cancel”, or run `starling reset --memory`.',
    cause: parsed.issues[0],
  })
}

/** Stores `change` over what is remembered, in the caller's transaction, and returns the whole. */
export async function keepInMind(tx: Transaction, change: Partial<TurnMemory>): Promise<TurnMemory> {
  const memory: TurnMemory = { ...(await recall(tx)), ...change }
  await tx.query(
    `insert into memory.turn (remembered) values ($1::jsonb)
     on conflict (only_one) do update set remembered = excluded.remembered`,
    [memory],
  )
  return memory
}

// A default would forget what a change does not name.
const ChangeSchema = v.partial(v.omit(MemorySchema, ['last']))

export function memoryReadPerformer(): TransactionalPerformer<JsonObject, TurnMemory> {
  return {
    kind: 'transactional',
    action: 'memory.read',
    accepts: v.strictObject({}),
    route: storeRoute,
    perform: async (admitted, tx) => {
      redeem(admitted, 'memory.read')
      return recall(tx)
    },
    check: checkMemory,
  }
}

export function memoryWritePerformer(): TransactionalPerformer<JsonObject, TurnMemory> {
  return {
    kind: 'transactional',
    action: 'memory.write',
    accepts: ChangeSchema,
    route: storeRoute,
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, 'memory.write')
      return keepInMind(tx, definedOnly(v.parse(ChangeSchema, request.input)))
    },
    check: checkMemory,
  }
}

function definedOnly(change: v.InferOutput<typeof ChangeSchema>): Partial<TurnMemory> {
  return {
    ...(change.open === undefined ? {} : { open: change.open }),
    ...(change.guide === undefined ? {} : { guide: change.guide }),
    ...(change.workOrder === undefined ? {} : { workOrder: change.workOrder }),
  }
}

function checkMemory(output: TurnMemory): void {
  v.parse(MemorySchema, output)
}

function storeRoute(): Route {
  return {
    provider: 'starling',
    model: 'turn-memory/1',
    digest: null,
    region: 'device',
    reason: 'what was said stays on the device',
  }
}
