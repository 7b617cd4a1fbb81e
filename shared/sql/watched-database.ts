/** A database that says when something may have been written through it, for those who follow its tables and cannot hear it. */
import type { Database } from './port.ts'

/** Statements that write nothing, by their first word. */
const READS = /^\s*(select|show|explain)\b/i

export function watchedDatabase(db: Database, written: () => void): Database {
  const after = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work
    written()
    return result
  }
  return {
    query: (text, params) => (READS.test(text) ? db.query(text, params) : after(db.query(text, params))),
    transaction: (work) => after(db.transaction(work)),
    script: (text) => after(db.script(text)),
    checkpoint: () => db.checkpoint(),
    close: () => db.close(),
  }
}
