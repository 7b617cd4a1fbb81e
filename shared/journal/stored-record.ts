/** A record as it lies in the database and in the journal's file: canonical JSON, read again and believed only as far as its schema goes. */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'
import { JournalRecordSchema, type JournalRecord } from './record.ts'

export class JournalDamaged extends StarlingError {
  override readonly code = 'journal_damaged'
}

export interface Head {
  readonly seq: number
  readonly hash: string
}

/** A stored record. Throws {@link JournalDamaged} when the text is no record: the audit says where and how. */
export function parseRecord(text: string): JournalRecord {
  const parsed = v.safeParse(JournalRecordSchema, safeJson(text))
  if (parsed.success) return parsed.output
  throw new JournalDamaged('a stored record cannot be read', {
    remedy: 'Run `starling audit verify`: it names the place.',
    cause: parsed.issues[0],
  })
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // The schema refuses it.
  }
}
