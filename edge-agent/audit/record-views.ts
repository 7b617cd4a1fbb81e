/** How the journal is shown to people: newest records in a line each, one record with all that belongs to it. */
import { verifyJournal, type Verification } from '../../shared/audit/verify.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import type { JournalRecord } from '../../shared/journal/record.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'

export type RecordLine = {
  readonly seq: number
  readonly id: string
  readonly at: string
  readonly kind: string
  /** What it tells, in a few words. */
  readonly summary: string
}

export type RecordDetail = {
  readonly record: JournalRecord
  readonly input: Json | null
  readonly output: Json | null
  /** For an intent: its outcome and the writes that it caused, or the outcome that is still missing. */
  readonly following: readonly JournalRecord[]
}

export async function listRecords(journal: Journal, limit: number): Promise<readonly RecordLine[]> {
  const records = await journal.newest(limit)
  return records.map((record) => ({
    seq: record.seq,
    id: record.id,
    at: record.at,
    kind: record.body.kind,
    summary: summaryOf(record),
  }))
}

/** Null when this journal has no such record. */
export async function showRecord(journal: Journal, id: string): Promise<RecordDetail | null> {
  const record = await journal.find(id)
  if (record === null) return null
  const following = await journal.following(id)
  const outcome =
    record.body.kind === 'outcome' ? record : following.find(({ body }) => body.kind === 'outcome')
  return {
    record,
    input: await journal.payloadOf(id, 'input'),
    output: outcome === undefined ? null : await journal.payloadOf(outcome.id, 'output'),
    following,
  }
}

/** Seals what is not sealed yet and checks everything. */
export async function verifyAll(parts: {
  readonly db: Database
  readonly journal: Journal
  readonly key: PublicKey
}): Promise<Verification> {
  return await verifyJournal(parts.db, parts.key)
}

function summaryOf({ body }: JournalRecord): string {
  switch (body.kind) {
    case 'intent': {
      const who = `${body.principal.kind} ${body.principal.id}`
      const what = `${body.action} on ${body.resource.type} ${body.resource.id}`
      return `${who} asked for ${what}: ${body.verdict} by ${body.policy.rule} (policy ${body.policy.version})`
    }
    case 'outcome':
      return `${body.status}${body.code === null ? '' : ` (${body.code})`} after ${(body.durationUs / 1_000).toFixed(1)} ms, of ${body.of}`
    case 'write':
      return `${body.undoes === undefined ? 'wrote' : 'took back'} ${body.table} ${body.key}: ${Object.keys(JSON.parse(body.patch) as JsonObject).join(', ')}`
    case 'gap':
      return `records ${body.from} to ${body.to} are missing: ${body.reason}`
  }
}
