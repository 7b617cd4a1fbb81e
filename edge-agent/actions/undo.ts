/**
 * Undo as data: each action that can be taken back writes how, in its own transaction. What was said is never deleted: a
 * reading is withdrawn, an order is withdrawn, and both the saying and the taking back stay in the journal.
 */
import * as v from 'valibot'
import { DEVICE_WRITABLE, isContextTable, type ContextTable } from '../../shared/context/tables.ts'
import type { JsonObject } from '../../shared/json.ts'
import { keepInMind, recall } from '../memory/turn-memory.ts'
import type { TurnMemory } from '../turn/ports.ts'
import { NotNow, type FieldParts, type Work } from './field-performer.ts'

/** One migration step. */
export const undoSql = `
  create table local.undo (
    seq bigint generated always as identity primary key,
    of text not null unique, what text not null, steps jsonb not null, memory jsonb not null
  );
`
/** So far back; older entries go when a new one comes. */
const KEPT = 50

export interface UndoStep {
  readonly table: ContextTable
  readonly key: string
  readonly patch: JsonObject
}

/** Notes how to take `what` back; `before` is the memory to return to. */
export async function noteUndo(
  work: Work,
  what: string,
  steps: readonly UndoStep[],
  before: Pick<TurnMemory, 'guide' | 'workOrder'>,
): Promise<void> {
  await work.tx.query(
    'insert into local.undo (of, what, steps, memory) values ($1, $2, $3::text::jsonb, $4::text::jsonb)',
    [
      work.recordId,
      what,
      JSON.stringify(steps),
      JSON.stringify({ guide: before.guide, workOrder: before.workOrder }),
    ],
  )
  await work.tx.query('delete from local.undo where seq <= (select max(seq) from local.undo) - $1::int', [
    KEPT,
  ])
}

const StepsSchema = v.array(
  v.strictObject({
    table: v.pipe(v.string(), v.check(isWritable)),
    key: v.string(),
    patch: v.record(v.string(), v.any()),
  }),
)

/** Takes the newest action back. Throws {@link NotNow} when there is none. */
export async function takeBack(parts: FieldParts, work: Work): Promise<{ readonly what: string }> {
  const [last] = await work.tx.query<{ seq: number; what: string; steps: never; memory: JsonObject }>(
    'select seq, what, steps, memory from local.undo order by seq desc limit 1',
  )
  if (last === undefined)
    throw new NotNow('There is nothing to undo.', { remedy: 'Undo takes back what you did on this device.' })
  for (const { table, key, patch } of v.parse(StepsSchema, last.steps))
    await parts.writes.record(work.tx, work.recordId, { table: table as ContextTable, key, patch })
  const now = await recall(work.tx)
  // The stored memory passed the schema when it was noted, and keepInMind's reader checks it again.
  await keepInMind(work.tx, { ...now, ...(last.memory as Partial<TurnMemory>) })
  await work.tx.query('delete from local.undo where seq = $1', [last.seq])
  return { what: last.what }
}

function isWritable(table: string): boolean {
  return isContextTable(table) && DEVICE_WRITABLE.has(table)
}
