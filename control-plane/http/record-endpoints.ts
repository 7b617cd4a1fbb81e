/** The records of devices over the API: a page, one with what it belongs to and how it stands, all of a device's as lines. */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { JournalRecordSchema, type JournalRecord } from '../../shared/journal/record.ts'
import { SealSchema } from '../../shared/journal/seal.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import type { Database } from '../../shared/sql/port.ts'
import { findDevice } from '../identity/devices.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { NoSuchDevice } from '../identity/revoke.ts'
import { endpoint, type Endpoint } from './endpoint.ts'
import {
  exportLines,
  listRecords,
  queryRefused,
  RecordPageSchema,
  RecordQuerySchema,
  StandingSchema,
  standingOf,
} from './records.ts'

class NoSuchRecord extends StarlingError {
  override readonly code = 'no_such_record'
}

interface RecordParts {
  readonly db: Database
  readonly enrolment: Pick<EnrolmentParts, 'tenant'>
}

export function recordEndpoints(parts: RecordParts): readonly Endpoint[] {
  return [listEndpoint(parts), showEndpoint(parts), exportEndpoint(parts)]
}

/** Throws {@link NoSuchDevice}. */
export async function deviceCalled(
  db: Database,
  id: string,
): Promise<NonNullable<Awaited<ReturnType<typeof findDevice>>>> {
  const device = await findDevice(db, id)
  if (device !== null) return device
  throw new NoSuchDevice('There is no such device.', { remedy: 'See the list of devices.' })
}

function listEndpoint({ db, enrolment: { tenant } }: RecordParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/records',
      tag: 'audit',
      summary: 'The records of all devices, newest first, narrowed down, a page at a time.',
      query: RecordQuerySchema,
      answer: RecordPageSchema,
      refusals: [422],
      refuse: queryRefused,
    },
    async ({ query }) => await listRecords(db, tenant, query),
  )
}

function showEndpoint({ db, enrolment: { tenant } }: RecordParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/records/{id}',
      tag: 'audit',
      summary:
        'One record with its cause, what followed it, and whether it stands under a seal of its device.',
      params: v.strictObject({ id: v.string() }),
      answer: v.object({
        device: v.string(),
        record: JournalRecordSchema,
        cause: v.nullable(JournalRecordSchema),
        following: v.array(JournalRecordSchema),
        standing: StandingSchema,
      }),
      refusals: [404],
    },
    async ({ params: { id } }) => {
      const [row] = await db.query<{ text: string; device: string; of: string | null }>(
        'select device, of, text from ingest.record where tenant = $1 and id = $2',
        [tenant, id],
      )
      const device = row === undefined ? null : await findDevice(db, row.device)
      if (row === undefined || device === null)
        throw new NoSuchRecord('There is no such record.', { remedy: 'See the list of records.' })
      const record = parseRecord(row.text)
      const related = async (column: 'id' | 'of', value: string): Promise<readonly JournalRecord[]> => {
        const rows = await db.query<{ text: string }>(
          `select text from ingest.record where tenant = $1 and device = $2 and ${column} = $3 order by seq`,
          [tenant, row.device, value],
        )
        return rows.map(({ text }) => parseRecord(text))
      }
      return {
        device: row.device,
        record,
        cause: row.of === null ? null : ((await related('id', row.of)).at(0) ?? null),
        following: await related('of', record.id),
        standing: await standingOf(db, { tenant, device: device.id, key: device.key }, record.seq),
      }
    },
  )
}

function exportEndpoint({ db, enrolment: { tenant } }: RecordParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/export/{device}',
      tag: 'audit',
      summary: 'All that proves one device’s journal, as lines: who signs, then records, seals and gaps.',
      params: v.strictObject({ device: v.string() }),
      answer: v.variant('kind', [
        v.object({
          kind: v.literal('journal'),
          v: v.literal(1),
          tenant: v.string(),
          device: v.string(),
          publicKey: v.string(),
          keyId: v.string(),
        }),
        v.object({ kind: v.literal('record'), record: JournalRecordSchema }),
        v.object({ kind: v.literal('seal'), seal: SealSchema }),
        v.object({
          kind: v.literal('gap'),
          from: v.number(),
          to: v.number(),
          reason: v.string(),
          record: v.string(),
        }),
      ]),
      answerType: 'application/x-ndjson',
      refusals: [404],
    },
    async ({ params }) => {
      const device = await deviceCalled(db, params.device)
      const lines = exportLines(db, { tenant, device: device.id, key: device.key })
      return new Response(streamOf(lines), {
        headers: {
          'content-type': 'application/x-ndjson; charset=utf-8',
          'content-disposition': `attachment; filename="${device.id}.journal.ndjson"`,
        },
      })
    },
  )
}

function streamOf(lines: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull: async (controller) => {
      const step: IteratorResult<string, unknown> = await lines.next()
      if (step.done === true) controller.close()
      else controller.enqueue(encoder.encode(step.value))
    },
    cancel: async () => {
      await lines.return(undefined)
    },
  })
}
