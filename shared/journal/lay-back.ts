/** The database and the journal's own file brought together again, at every opening and after a recovery. */
import type { Database, Queryable, Transaction } from '../sql/port.ts'
import { parseRecord, type Head } from './stored-record.ts'
import type { FileLine, JournalFile } from './journal-file.ts'
import { GENESIS_HASH, type JournalRecord } from './record.ts'
import { storeRecord } from './rows.ts'
import { JOURNAL_SCHEMA } from './schema.ts'
import { ChainBroken, verifyRecord } from './seal.ts'

/** Records in one transaction. */
const BATCH = 200

/** What the database lacks of what the file holds; null when it lacks nothing. For `Owner.fault` of the ladder. */
export async function journalFault(file: JournalFile, sql: Queryable): Promise<string | null> {
  const { head } = file
  if (head.seq === 0) return null
  const [table] = await sql.query<{ there: boolean }>(
    `select to_regclass('journal.record') is not null as there`,
  )
  const [row] =
    table?.there === true
      ? await sql.query<{ last: number; hash: string | null }>(
          `select coalesce(max(seq), 0) as last, (select hash from journal.record where seq = $1) as hash
           from journal.record`,
          [head.seq],
        )
      : []
  const last = row?.last ?? 0
  if (last < head.seq) return `it lacks the records ${last + 1} to ${head.seq}, which were acknowledged`
  return row?.hash === head.hash ? null : `its record ${head.seq} is not the one that was acknowledged`
}

export interface LaidBack {
  readonly records: number
  /** Where the file's chain breaks off; null when all of it was laid back. */
  readonly brokenAt: number | null
}

/**
 * Stores every record of the file that the database lacks, with the seals and what the centre holds. `again` does once more what
 * followed from a record that the centre has yet to hear of, in the same transaction. May be cut short and called again.
 */
export async function layBack(
  db: Database,
  file: JournalFile,
  again: (tx: Transaction, record: JournalRecord) => Promise<void>,
): Promise<LaidBack> {
  await db.script(JOURNAL_SCHEMA)
  let head = await headOf(db)
  let records = 0
  const { shippedSeq } = file
  let batch: FileLine[] = []
  const store = async (): Promise<void> => {
    const lines = batch
    batch = []
    await db.transaction(async (tx) => {
      for (const line of lines)
        await storeLine(tx, line, async (record) => {
          if (record.seq > shippedSeq) await again(tx, record)
        })
    })
  }
  let brokenAt: number | null = null
  for await (const line of file.lines()) {
    if (line.kind === 'seal') batch.push(line)
    else if (line.kind === 'record' && line.seq > head.seq) {
      if (!follows(line, head)) {
        brokenAt = line.seq
        break
      }
      batch.push(line)
      head = { seq: line.seq, hash: line.hash }
      records += 1
    }
    if (batch.length >= BATCH) await store()
  }
  await store()
  await db.query('delete from journal.outbox where seq <= $1', [shippedSeq])
  if (brokenAt === null && head.seq < file.head.seq) brokenAt = head.seq + 1
  return { records, brokenAt }
}

/** Appends to the file what the database has beyond it: a stop between the two, or a device that had no such file. */
export async function catchUp(db: Queryable, file: JournalFile): Promise<void> {
  for (;;) {
    const rows = await db.query<{ text: string }>(
      'select text from journal.record where seq > $1 order by seq limit $2',
      [file.head.seq, BATCH],
    )
    await file.appendRecords(rows.map(({ text }) => ({ record: parseRecord(text), text })))
    if (rows.length < BATCH) break
  }
  const seals = await db.query<{ to_seq: number; text: string }>(
    'select to_seq, text from journal.seal where to_seq > $1 order by to_seq',
    [file.sealedTo],
  )
  for (const { to_seq, text } of seals) await file.appendSeal({ to: to_seq }, text)
}

async function headOf(sql: Queryable): Promise<Head> {
  const [row] = await sql.query<{ seq: number; hash: string }>(
    'select seq, hash from journal.record order by seq desc limit 1',
  )
  return row ?? { seq: 0, hash: GENESIS_HASH }
}

/** A fresh database takes the file's first record as its first, whichever number that has: what came before is at the centre. */
function follows({ text, seq }: Extract<FileLine, { kind: 'record' }>, head: Head): boolean {
  const record = parseRecord(text)
  try {
    verifyRecord(record, head.seq === 0 ? record.prev : head.hash)
    return head.seq === 0 || seq === head.seq + 1
  } catch (thrown) {
    if (thrown instanceof ChainBroken) return false
    throw thrown
  }
}

async function storeLine(
  tx: Transaction,
  line: FileLine,
  again: (record: JournalRecord) => Promise<void>,
): Promise<void> {
  if (line.kind === 'record') {
    const record = parseRecord(line.text)
    await storeRecord(tx, { record, text: line.text })
    await again(record)
  } else if (line.kind === 'seal') {
    const { seal } = line
    await tx.query(
      `insert into journal.seal (to_seq, from_seq, text) select $1::bigint, $2::bigint, $3::text
       where not exists (select 1 from journal.seal where to_seq >= $1::bigint)
         and exists (select 1 from journal.record where seq = $1::bigint and hash = $4::text)`,
      [seal.to, seal.from, line.text, seal.head],
    )
  }
}
