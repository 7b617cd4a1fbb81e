/** `starling audit`: the device's journal, from the running agent, or straight from its database when none runs. */
import { join } from 'node:path'
import type { Verification } from '../../../shared/audit/verify.ts'
import { systemClock } from '../../../shared/clock.ts'
import { openJournal, type Journal } from '../../../shared/journal/journal.ts'
import type { Json } from '../../../shared/json.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { StarlingError } from '../../../shared/errors.ts'
import {
  listRecords,
  showRecord,
  verifyAll,
  type RecordDetail,
  type RecordLine,
} from '../../audit/record-views.ts'
import { readIdentity, type Identity } from '../../identity/identity.ts'
import { agentClient } from '../agent-client.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { readRunFile } from '../run-files.ts'

export class NoSuchRecord extends StarlingError {
  override readonly code = 'no_such_record'
}

export async function auditList(call: Call, { limit }: { readonly limit: number }): Promise<ExitCode> {
  const records = await eitherWay<readonly RecordLine[]>(call, {
    path: `/v1/records?limit=${limit}`,
    pick: (answer) => (answer as { records: readonly RecordLine[] }).records,
    direct: async ({ journal }) => await listRecords(journal, limit),
  })
  call.output.answer(
    { records },
    records.length === 0
      ? ['No records yet.']
      : records.map(({ seq, id, at, summary }) => `${String(seq).padStart(6)}  ${at}  ${id}  ${summary}`),
  )
  return EXIT.ok
}

/** Throws {@link NoSuchRecord}. */
export async function auditShow(call: Call, id: string): Promise<ExitCode> {
  const detail = await eitherWay<RecordDetail>(call, {
    path: `/v1/records/${encodeURIComponent(id)}`,
    pick: (answer) => answer as unknown as RecordDetail,
    direct: async ({ journal }) => {
      const found = await showRecord(journal, id)
      if (found !== null) return found
      throw new NoSuchRecord('This device has no record of that id.', {
        remedy: 'See `starling audit list`.',
      })
    },
  })
  call.output.answer(detail, JSON.stringify(detail, null, 2).split('\n'))
  return EXIT.ok
}

/** Exit code `refused` when something does not hold. */
export async function auditVerify(call: Call): Promise<ExitCode> {
  const found = await eitherWay<Verification>(call, {
    path: '/v1/records/verification',
    pick: (answer) => answer as unknown as Verification,
    direct: async ({ db, journal, identity }) =>
      await verifyAll({ db, journal, key: identity.keyPair.publicKey }),
  })
  const { records, seals, payloads, unsealed, fault } = found
  call.output.answer(found, [
    fault === null
      ? `The chain holds: ${records} records, ${seals} seals, ${payloads} payloads; ${unsealed} records not sealed yet.`
      : `The chain does NOT hold (${fault.kind}, record ${fault.seq}): ${fault.message}`,
  ])
  return found.holds ? EXIT.ok : EXIT.refused
}

interface Opened {
  readonly db: Database
  readonly journal: Journal
  readonly identity: Identity
}

async function eitherWay<T>(
  call: Call,
  ways: { readonly path: string; pick(answer: Json): T; direct(opened: Opened): Promise<T> },
): Promise<T> {
  const running = readRunFile(call.home, 'edge')
  if (running !== null) return ways.pick(await agentClient(running.http).get(ways.path))
  const identity = readIdentity(call.home.edge)
  const db = await openDatabase({ dir: join(call.home.edge, 'database'), signal: call.signal })
  try {
    const { device: origin, keyPair: key } = identity
    const journal = await openJournal({ db, origin, key, clock: systemClock })
    return await ways.direct({ db, journal, identity })
  } finally {
    await db.close()
  }
}
