/** What governance reviews: every record of every device and of the centre itself, its gaps, what was set aside, what waits for a person. */
import { Hono } from 'hono'
import { verifyJournal } from '../../shared/audit/verify.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Database } from '../../shared/sql/port.ts'
import { verifyDevice } from '../ingest-audit.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { findDevice } from '../identity/devices.ts'
import type { Caller } from './access.ts'

const MAX_LISTED = 500

type RecordRow = {
  readonly device: string
  readonly seq: number
  readonly id: string
  readonly kind: string
  readonly action: string | null
  readonly of: string | null
  readonly turn: string | null
  readonly at: string
  readonly text: string
}

export function auditRoutes(parts: {
  readonly db: Database
  readonly journal: Journal
  readonly journalKey: PublicKey
  readonly enrolment: EnrolmentParts
}): Hono<Caller> {
  const { db } = parts
  const { tenant } = parts.enrolment
  const app = new Hono<Caller>()
  app.get('/records', async (context) => {
    const limit = Math.min(MAX_LISTED, Math.max(1, Number(context.req.query('limit')) || 50))
    const records = await db.query<RecordRow>(
      `select device, seq, id, kind, action, of, turn, at, text from ingest.record
       where tenant = $1 and ($2::text is null or device = $2) and ($3::text is null or action = $3)
       order by at desc, device, seq desc limit $4`,
      [tenant, context.req.query('device') ?? null, context.req.query('action') ?? null, limit],
    )
    return context.json({
      records: records.map(({ text, ...row }) => ({ ...row, record: JSON.parse(text) as object })),
    })
  })
  app.get('/records/:id', async (context) => {
    const [row] = await db.query<{ text: string; device: string }>(
      'select device, text from ingest.record where tenant = $1 and id = $2',
      [tenant, context.req.param('id')],
    )
    if (row === undefined)
      return context.json(
        { code: 'no_such_record', message: 'There is no such record.', remedy: 'See the list of records.' },
        404,
      )
    const following = await db.query<{ text: string }>(
      'select text from ingest.record where tenant = $1 and device = $2 and of = $3 order by seq',
      [tenant, row.device, context.req.param('id')],
    )
    return context.json({
      record: JSON.parse(row.text) as object,
      following: following.map(({ text }) => JSON.parse(text) as object),
    })
  })
  app.get('/verification/centre', async (context) => context.json(await verifyJournal(db, parts.journalKey)))
  app.get('/verification/:device', async (context) => {
    const device = await findDevice(db, context.req.param('device'))
    if (device === null)
      return context.json(
        { code: 'no_such_device', message: 'There is no such device.', remedy: 'See the list of devices.' },
        404,
      )
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
