/**
 * Undo: each action that can be taken back says so, in its own transaction; its writes are then taken back by writes of
 * their own. What was said is never deleted: a reading is withdrawn, an order is withdrawn, and both the saying and the
 * taking back stay in the journal.
 */
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
/** How to take an action back is in its writes. */
export const undoByWritesSql = `alter table local.undo drop column if exists steps;`
/** So far back; older entries go when a new one comes. */
const KEPT = 50

/** Notes that `what` can be taken back; `before` is the memory to return to. */
export async function noteUndo(
  work: Work,
  what: string,
  before: Pick<TurnMemory, 'guide' | 'workOrder'>,
): Promise<void> {
  await work.tx.query('insert into local.undo (of, what, memory) values ($1, $2, $3::text::jsonb)', [
    work.recordId,
    what,
    JSON.stringify({ guide: before.guide, workOrder: before.workOrder }),
  ])
  await work.tx.query('delete from local.undo where seq <= (select max(seq) from local.undo) - $1::int', [
    KEPT,
  ])
}

/** Takes the newest action back. Throws {@link NotNow} when there is none, `ChangedSince` when somebody changed the same meanwhile. */
export async function takeBack(parts: FieldParts, work: Work): Promise<{ readonly what: string }> {
  const [last] = await work.tx.query<{ seq: number; of: string; what: string; memory: JsonObject }>(
    'select seq, of, what, memory from local.undo order by seq desc limit 1',
  )
  if (last === undefined)
    throw new NotNow('There is nothing to undo.', { remedy: 'Undo takes back what you did on this device.' })
  const writes = await work.tx.query<{ id: string }>(
    `select id from journal.record where of = $1 and kind = 'write' order by seq desc`,
    [last.of],
  )
  for (const { id } of writes) await parts.writes.undo(work.tx, work.recordId, id)
  const now = await recall(work.tx)
  // The stored memory passed the schema when it was noted, and keepInMind's reader checks it again.
  await keepInMind(work.tx, { ...now, ...(last.memory as Partial<TurnMemory>) })
  await work.tx.query('delete from local.undo where seq = $1', [last.seq])
  return { what: last.what }
}
