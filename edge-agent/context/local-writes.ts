/**
 * A local change as it must always be made: the journal's `write` record, which is the intent on its way up, and the
 * overlay that readers see at once, in the caller's transaction. So is taking one back.
 */
import { canonicalText } from '../../shared/canonical.ts'
import type { Clock } from '../../shared/clock.ts'
import { CONTEXT_VERSION } from '../../shared/context/version.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import { intentOf, type WriteIntent } from '../../shared/context/write-intent.ts'
import type { WriteBody } from '../../shared/journal/record.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { layOverlay, prepareWrite, type LocalWrite } from './overlay.ts'
import { inverseOf, markUndone } from './undo-write.ts'

export interface LocalWrites {
  /**
   * Records a change that follows from the effect `of`, and returns the write's id. A new row's key is `of`. Throws
   * `BadLocalWrite` when it would break its table's rules.
   */
  record<T extends ContextTable>(tx: Transaction, of: string, write: LocalWrite<T>): Promise<string>
  /**
   * Takes a write back, wherever it is on its way, by a write of its own. Throws `ChangedSince` when somebody changed the
   * same meanwhile, `NotUndoable` for one that was rejected, taken back before, or is not this device's.
   */
  undo(tx: Transaction, of: string, writeId: string): Promise<string>
}

/** The part of the journal that this needs. */
interface WriteJournal {
  append(tx: Transaction, body: WriteBody): Promise<{ readonly id: string }>
}

export function openLocalWrites(parts: {
  readonly journal: WriteJournal
  readonly clock: Clock
  /** Of the columns that are written; this program's own where none is named. */
  readonly contextVersion?: number
}): LocalWrites {
  const make = async (
    tx: Transaction,
    of: string,
    wish: Parameters<typeof prepareWrite>[1],
    undoes: string | null,
  ) => {
    const intent = await prepareWrite(tx, wish, { nowMs: parts.clock.nowMs(), undoes })
    const { id } = await parts.journal.append(tx, bodyOf(intent, of, parts.contextVersion))
    await layOverlay(tx, { writeId: id, of }, intent)
    return id
  }
  return {
    record: async (tx, of, { table, key, patch }) =>
      await make(tx, of, { table, key, patch: JSON.parse(JSON.stringify(patch)) as JsonObject }, null),
    undo: async (tx, of, writeId) => {
      const inverse = await inverseOf(tx, writeId)
      const id = await make(tx, of, inverse, writeId)
      await markUndone(tx, writeId)
      return id
    },
  }
}

/**
 * Lays the write of a journal's record over the copy once more, after the database was taken from a snapshot or made anew. May be
 * called again for the same record.
 */
export async function layAgain(
  tx: Transaction,
  record: { readonly id: string; readonly body: WriteBody },
): Promise<void> {
  const intent = intentOf(record)
  const known = await tx.query('select 1 from local.overlay where write_id = $1', [record.id])
  if (intent === null || known.length > 0) return
  await layOverlay(tx, { writeId: record.id, of: record.body.of }, intent)
  if (intent.undoes !== null) await markUndone(tx, intent.undoes)
}

function bodyOf(intent: WriteIntent, of: string, contextVersion: number = CONTEXT_VERSION): WriteBody {
  const { table, key, baseVersion, stampMs, sinceMs, dependsOn, undoes } = intent
  return {
    kind: 'write',
    of,
    table,
    key,
    patch: canonicalText(intent.patch),
    baseVersion,
    base: canonicalText(intent.base),
    stampMs,
    sinceMs,
    dependsOn: [...dependsOn],
    ...(undoes === null ? {} : { undoes }),
    ...(contextVersion === 1 ? {} : { contextVersion }),
  }
}
