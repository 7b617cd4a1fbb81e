/**
 * After the ladder (shared/sql/recovery/ladder.ts): what was acknowledged is laid back from the journal's own file, the local
 * changes among it go over the copy again, and the copy's place in the centre's log is forgotten, so that it is fetched anew.
 * Then it is told: in the log, in the journal, and in a note that `starling status` and `starling doctor` show.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { JournalFile } from '../../shared/journal/journal-file.ts'
import { layBack } from '../../shared/journal/lay-back.ts'
import type { JournalRecord } from '../../shared/journal/record.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Kernel, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { EmbeddedDatabase } from '../../shared/sql/embedded-database.ts'
import { settleRecovery, SNAPSHOT_FOLDER, type Recovery } from '../../shared/sql/recovery/ladder.ts'
import { readNote, RUNGS } from '../../shared/sql/recovery/note.ts'
import { listSnapshots, snapshotBytes } from '../../shared/sql/recovery/snapshots.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { forgetPlaces } from '../context/position.ts'
import { layAgain } from '../context/local-writes.ts'
import { DATABASE_FOLDER } from '../home.ts'
import type { AgentStatus } from '../local-api/status.ts'

export const RECOVERED = 'database.recovered'

export interface Recovered {
  readonly recovery: Recovery
  /** Records that the database lacked, and has again. */
  readonly replayed: number
  /** The first record of the file that could not be laid back; null when all were. */
  readonly brokenAt: number | null
}

/** Null when the database opened as usual. May be cut short: the next start does it again. */
export async function bringBack(db: EmbeddedDatabase, file: JournalFile): Promise<Recovered | null> {
  const { recovery } = db
  if (recovery === null) return null
  const { records, brokenAt } = await layBack(db, file, again)
  if (recovery.rung !== 'reopened') await db.transaction(forgetPlaces)
  if (brokenAt !== null) await file.startOver()
  return { recovery, replayed: records, brokenAt }
}

async function again(tx: Transaction, record: JournalRecord): Promise<void> {
  const { id, body } = record
  if (body.kind === 'write') await layAgain(tx, { id, body })
}

/** Writes the audit record, says it in the log, and closes the recovery. A policy that denies it leaves that in the journal. */
export async function tellRecovery(
  { recovery, replayed, brokenAt }: Recovered,
  told: {
    readonly dir: string
    readonly kernel: Kernel
    readonly principal: Principal
    readonly log: Log
  },
): Promise<void> {
  const { rung, reason, at, snapshotAt } = recovery
  const facts = { rung, reason, at, snapshotAt, replayed, brokenAt }
  told.log.error(WORDS[rung], facts)
  const answer = await told.kernel.admit(recoveredPerformer(), {
    principal: told.principal,
    action: RECOVERED,
    resource: { type: 'database', id: told.principal.id },
    dataClass: 'internal',
    input: facts,
    confidence: null,
    turn: null,
    cost: 1,
  })
  if (answer.kind !== 'performed')
    told.log.warn('the recovery stands in the journal as refused', { kind: answer.kind })
  await settleRecovery(told.dir, recovery, replayed)
}

const WORDS = {
  reopened: 'the database did not open at first, was mended and holds everything',
  snapshot: 'the database was damaged: its last snapshot and the journal took its place',
  template: 'the database was lost: a fresh one and the journal took its place, the centre fills it again',
} as const satisfies Record<Recovery['rung'], string>

const Time = v.pipe(v.string(), v.isoTimestamp())
const InputSchema = v.strictObject({
  rung: v.picklist(RUNGS),
  reason: v.string(),
  at: Time,
  snapshotAt: v.nullable(Time),
  replayed: v.number(),
  brokenAt: v.nullable(v.number()),
})

/** `database.recovered`: the record that a recovery took place; what it did is in the input. */
export function recoveredPerformer(): TransactionalPerformer<JsonObject, JsonObject> {
  return {
    kind: 'transactional',
    action: RECOVERED,
    accepts: InputSchema,
    route: () => ({
      provider: 'starling',
      model: 'database-ladder/1',
      digest: null,
      region: 'device',
      reason: 'the database lies on the device',
    }),
    perform: async (admitted, tx) => {
      redeem(admitted, RECOVERED)
      const [row] = await tx.query<{ last: number }>('select max(seq) as last from journal.record')
      return { openAgainAt: row?.last ?? 0 }
    },
    check: () => undefined,
  }
}

/** For `starling status`. */
export async function databaseStatus(
  folder: string,
  journalFault: unknown,
): Promise<AgentStatus['database']> {
  const dir = join(folder, DATABASE_FOLDER)
  const note = await readNote(dir)
  const snapshots = join(dir, SNAPSHOT_FOLDER)
  const [newest] = await listSnapshots(snapshots)
  return {
    recovery:
      note === null || note.phase === 'suspected' || note.phase === 'climbing'
        ? null
        : { rung: note.rung, reason: note.reason, at: note.at, snapshotAt: note.snapshotAt },
    snapshotAt: newest === undefined ? null : new Date(newest.atMs).toISOString(),
    snapshotBytes: await snapshotBytes(snapshots),
    journalFileProblem: journalFault instanceof Error ? journalFault.message : null,
  }
}
