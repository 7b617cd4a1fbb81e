/** A local change as it must always be made: the journal's `write` record and the overlay, in the caller's transaction. */
import type { RecordId } from '../../shared/ids.ts'
import type { WriteBody } from '../../shared/journal/record.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { layOverlay, prepareWrite, type LocalWrite } from './overlay.ts'

export interface LocalWrites {
  /** Records a change that follows from the effect `of`. Throws `BadLocalWrite` when it would break its table's schema. */
  record<T extends ContextTable>(tx: Transaction, of: RecordId, write: LocalWrite<T>): Promise<void>
}

/** The part of the journal that this needs. */
interface WriteJournal {
  append(tx: Transaction, body: WriteBody): Promise<{ readonly id: string }>
}

export function openLocalWrites(journal: WriteJournal): LocalWrites {
  return {
    async record(tx, of, write) {
      const facts = await prepareWrite(tx, write)
      const { table, key, patch, baseVersion } = facts
      const record = await journal.append(tx, {
        kind: 'write',
        of,
        table,
        key,
        patch: JSON.stringify(patch),
        baseVersion,
      })
      await layOverlay(tx, record.id, facts)
    },
  }
}
