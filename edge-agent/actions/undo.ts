/**
 * Undo: each action that can be taken back says so, in its own transaction; its writes are then taken back by writes of
 * their own. What was said is never deleted: a reading is withdrawn, an order is withdrawn, and both the saying and the
 * taking back stay in the journal.
 */
import type { JsonObject } from '../../shared/json.ts'
import { ChangedSince, NotUndoable } from '../context/undo-write.ts'
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

/** Takes the newest action back, or says why it is left as it is. Throws {@link NotNow} when there is none. */
export async function takeBack(
  parts: FieldParts,
  work: Work,
): Promise<{ readonly what: string; readonly left: string | null }> {
  const [last] = await work.tx.query<{ seq: number; of: string; what: string; memory: JsonObject }>(
    'select seq, of, what, memory from local.undo order by seq desc limit 1',
  )
  if (last === undefined)
    throw new NotNow('There is nothing to undo.', { remedy: 'Undo takes back what you did on this device.' })
  const writes = await work.tx.query<{ id: string }>(
    `select id from journal.record where of = $1 and kind = 'write' order by seq desc`,
    [last.of],
  )
  const left = await takeWritesBack(parts, work, writes)
  if (left !== null) {
    // It will not become possible again: the next undo reaches what was done before it.
    await work.tx.query('delete from local.undo where seq = $1', [last.seq])
    return { what: last.what, left }
  }
  const now = await recall(work.tx)
  // The stored memory passed the schema when it was noted, and keepInMind's reader checks it again.
  await keepInMind(work.tx, { ...now, ...(last.memory as Partial<TurnMemory>) })
  await work.tx.query('delete from local.undo where seq = $1', [last.seq])
  return { what: last.what, left: null }
}

/** All of an action's writes, newest first, or none: then why. */
async function takeWritesBack(
  parts: FieldParts,
  { tx, recordId }: Work,
  writes: readonly { readonly id: string }[],
): Promise<string | null> {
  let taken = 0
  for (const { id } of writes) {
    try {
      await parts.writes.undo(tx, recordId, id)
      taken += 1
    } catch (thrown) {
      if (taken > 0 || !(thrown instanceof ChangedSince || thrown instanceof NotUndoable)) throw thrown
      return thrown.message
    }
  }
  return null
}
