/** What governance reviews: every record of every device and of the centre itself, its gaps, what was set aside. */
import * as v from 'valibot'
import { verifyJournal } from '../../shared/audit/verify.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import { JournalRecordSchema } from '../../shared/journal/record.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'
import { verifyDevice } from '../ingest-audit.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { endpoint, type Endpoint } from './endpoint.ts'
import { deviceCalled, recordEndpoints } from './record-endpoints.ts'

const MAX_LISTED = 500

const Fault = v.nullable(v.object({ kind: v.string(), seq: v.number(), message: v.string() }))
const Verified = {
  holds: v.boolean(),
  records: v.number(),
  seals: v.number(),
  head: v.pipe(v.object({ seq: v.number(), hash: v.string() }), v.description('the last record that holds')),
  fault: v.pipe(Fault, v.description('the first place that does not hold')),
}
const CentreVerification = v.object({
  ...Verified,
  payloads: v.number(),
  erased: v.pipe(v.number(), v.description('payloads that were erased: their digests stand in the chain')),
  unsealed: v.pipe(v.number(), v.description('records after the last seal')),
})
const DeviceVerification = v.object({ ...Verified, device: v.string(), gaps: v.number() })

const QuarantineItem = v.object({
  digest: v.string(),
  subject: v.string(),
  device: v.nullable(v.string()),
  reason: v.string(),
  message: v.string(),
  size_bytes: v.number(),
  times: v.number(),
  first_at: v.string(),
  last_at: v.string(),
  settled: v.boolean(),
})
const Gap = v.object({
  device: v.string(),
  from_seq: v.number(),
  to_seq: v.number(),
  reason: v.string(),
  record_id: v.string(),
})

interface AuditParts {
  readonly db: Database
  readonly journal: Journal
  readonly journalKey: PublicKey
  readonly enrolment: EnrolmentParts
}

export function auditEndpoints(parts: AuditParts): readonly Endpoint[] {
  return [
    ...recordEndpoints(parts),
    journalEndpoint(parts),
    ...verificationEndpoints(parts),
    quarantineEndpoint(parts),
    gapsEndpoint(parts),
  ]
}

function journalEndpoint({ db }: AuditParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/journal',
      tag: 'audit',
      summary: 'The centre’s own records, newest first, fifty at a time.',
      query: v.object({
        /** Only records of lower numbers; anything that is no number asks for the newest. */
        before: v.optional(
          v.pipe(
            v.string(),
            v.transform(Number),
            v.transform((seq) => (Number.isSafeInteger(seq) ? seq : Number.MAX_SAFE_INTEGER)),
          ),
          String(Number.MAX_SAFE_INTEGER),
        ),
      }),
      answer: v.object({ records: v.array(JournalRecordSchema) }),
      refusals: [],
    },
    async ({ query: { before } }) => {
      const rows = await db.query<{ text: string }>(
        'select text from journal.record where seq < $1 order by seq desc limit 50',
        [before],
      )
      return { records: rows.map(({ text }) => parseRecord(text)) }
    },
  )
}

function verificationEndpoints({ db, journalKey, enrolment: { tenant } }: AuditParts): readonly Endpoint[] {
  return [
    endpoint(
      {
        method: 'get',
        path: '/verification/centre',
        tag: 'audit',
        summary: 'Whether the centre’s own journal holds: every hash, link, seal and kept payload.',
        answer: CentreVerification,
        refusals: [],
      },
      async () => await verifyJournal(db, journalKey),
    ),
    endpoint(
      {
        method: 'get',
        path: '/verification/{device}',
        tag: 'audit',
        summary: 'Whether the centre’s copy of a device’s journal holds: every hash, link and seal.',
        params: v.strictObject({ device: v.string() }),
        answer: DeviceVerification,
        refusals: [404],
      },
      async ({ params }) => {
        const device = await deviceCalled(db, params.device)
        return await verifyDevice(db, { tenant, device: device.id, key: device.key })
      },
    ),
  ]
}

function quarantineEndpoint({ db, enrolment: { tenant } }: AuditParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/quarantine',
      tag: 'audit',
      summary: 'Messages that were set aside instead of taken, and why, newest first.',
      answer: v.object({ items: v.array(QuarantineItem) }),
      refusals: [],
    },
    async () => ({
      items: await db.query<v.InferInput<typeof QuarantineItem>>(
        `select digest, subject, device, reason, message, size_bytes, times, first_at, last_at, settled
         from ingest.quarantine where tenant = $1 order by last_at desc limit ${MAX_LISTED}`,
        [tenant],
      ),
    }),
  )
}

function gapsEndpoint({ db, enrolment: { tenant } }: AuditParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/gaps',
      tag: 'audit',
      summary: 'Records that a device can no longer supply, named and signed by it.',
      answer: v.object({ gaps: v.array(Gap) }),
      refusals: [],
    },
    async () => ({
      gaps: await db.query<v.InferInput<typeof Gap>>(
        'select device, from_seq, to_seq, reason, record_id from ingest.gap where tenant = $1 order by device, from_seq',
        [tenant],
      ),
    }),
  )
}
