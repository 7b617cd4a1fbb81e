/** One record as it is stored, whoever brings it: made now, or laid back from the journal's own file. */
import type { Queryable } from '../sql/port.ts'
import type { Payload } from './journal.ts'
import type { JournalRecord } from './record.ts'
import { APPEND } from './schema.ts'

/** Stores the record with its outbox row, its payload, and that its intent is open or settled. `text` is its canonical JSON. */
export async function storeRecord(
  sql: Queryable,
  {
    record,
    text,
    payload,
  }: { readonly record: JournalRecord; readonly text: string; readonly payload?: Payload | undefined },
): Promise<void> {
  const { body } = record
  await sql.query(APPEND, [
    record.seq,
    record.id,
    body.kind,
    'of' in body ? body.of : null,
    'action' in body ? body.action : null,
    'turn' in body ? body.turn : null,
    text,
    record.hash,
    Buffer.byteLength(text),
    body.kind === 'intent' && body.verdict === 'permit',
    body.kind === 'outcome' ? body.of : null,
    payload?.part ?? null,
    payload?.digest ?? null,
    payload?.salt ?? null,
    payload?.bytes ?? null,
  ])
}
