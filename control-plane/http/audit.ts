/** What governance reviews: every record of every device and of the centre itself, its gaps, what was set aside, what waits for a person. */
import { Hono } from 'hono'
import { verifyJournal } from '../../shared/audit/verify.ts'
import type { ErrorReport } from '../../shared/errors.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import type { JournalRecord } from '../../shared/journal/record.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'
import { verifyDevice } from '../ingest-audit.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { findDevice } from '../identity/devices.ts'
import type { Caller } from './access.ts'
import { exportLines, listRecords, parseQuery, standingOf } from './records.ts'

const MAX_LISTED = 500

interface AuditParts {
  readonly db: Database
  readonly journal: Journal
  readonly journalKey: PublicKey
  readonly enrolment: EnrolmentParts
}

export function auditRoutes(parts: AuditParts): Hono<Caller> {
  const { db } = parts
  const { tenant } = parts.enrolment
  const app = recordRoutes(parts)
  app.get('/journal', async (context) => {
    const before = Number(context.req.query('before') ?? Number.MAX_SAFE_INTEGER)
    const rows = await db.query<{ text: string }>(
      'select text from journal.record where seq < $1 order by seq desc limit 50',
      [Number.isSafeInteger(before) ? before : Number.MAX_SAFE_INTEGER],
    )
    return context.json({ records: rows.map(({ text }) => parseRecord(text)) })
  })
  app.get('/verification/centre', async (context) => context.json(await verifyJournal(db, parts.journalKey)))
  app.get('/verification/:device', async (context) => {
    const device = await findDevice(db, context.req.param('device'))
    if (device === null) return context.json(noDevice(), 404)
    return context.json(await verifyDevice(db, { tenant, device: device.id, key: device.key }))
  })
  app.get('/quarantine', async (context) => {
    const items = await db.query(
      `select digest, subject, device, reason, message, size_bytes, times, first_at, last_at, settled
       from ingest.quarantine where tenant = $1 order by last_at desc limit ${MAX_LISTED}`,
      [tenant],
    )
    return context.json({ items })
  })
  app.get('/gaps', async (context) => {
    const gaps = await db.query(
      'select device, from_seq, to_seq, reason, record_id from ingest.gap where tenant = $1 order by device, from_seq',
      [tenant],
    )
    return context.json({ gaps })
  })
  return app
}

/** The records of devices: a page, one with what it belongs to and how it stands, all of a device's. */
function recordRoutes({ db, enrolment: { tenant } }: AuditParts): Hono<Caller> {
  const app = new Hono<Caller>()
  app.get('/records', async (context) =>
    context.json(await listRecords(db, tenant, parseQuery(context.req.query()))),
  )
  app.get('/records/:id', async (context) => {
    const [row] = await db.query<{ text: string; device: string; of: string | null }>(
      'select device, of, text from ingest.record where tenant = $1 and id = $2',
      [tenant, context.req.param('id')],
    )
    const device = row === undefined ? null : await findDevice(db, row.device)
    if (row === undefined || device === null) return context.json(noRecord(), 404)
    const record = parseRecord(row.text)
    const related = async (column: 'id' | 'of', id: string): Promise<readonly JournalRecord[]> => {
      const rows = await db.query<{ text: string }>(
        `select text from ingest.record where tenant = $1 and device = $2 and ${column} = $3 order by seq`,
        [tenant, row.device, id],
      )
      return rows.map(({ text }) => parseRecord(text))
    }
    return context.json({
      device: row.device,
      record,
      cause: row.of === null ? null : ((await related('id', row.of)).at(0) ?? null),
      following: await related('of', record.id),
      standing: await standingOf(db, { tenant, device: device.id, key: device.key }, record.seq),
    })
  })
  app.get('/export/:device', async (context) => {
    const device = await findDevice(db, context.req.param('device'))
    if (device === null) return context.json(noDevice(), 404)
    const lines = exportLines(db, { tenant, device: device.id, key: device.key })
    return new Response(streamOf(lines), {
      headers: {
        'content-type': 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="${device.id}.journal.ndjson"`,
      },
    })
  })
  return app
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

function noRecord(): ErrorReport {
  return { code: 'no_such_record', message: 'There is no such record.', remedy: 'See the list of records.' }
}

function noDevice(): ErrorReport {
  return { code: 'no_such_device', message: 'There is no such device.', remedy: 'See the list of devices.' }
}
