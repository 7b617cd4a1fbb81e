import { uuidV7 } from '../../shared/ids.ts'
import type { JournalBody } from '../../shared/journal/record.ts'

/** What a journal may hold of an intent that was carried out; of another one each time. */
export function outcome(): JournalBody {
  return {
    kind: 'outcome',
    of: uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
    status: 'performed',
    code: null,
    durationUs: 1,
    output: null,
  }
}
