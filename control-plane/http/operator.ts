/** What operators do and see: tokens, devices, releases, policy, context. */
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import { CONTEXT_TABLES, type ContextTable } from '../../shared/context/tables.ts'
import type { Database } from '../../shared/sql/port.ts'
import { listRows } from '../context/store.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { listDevices } from '../identity/devices.ts'
import { revokedKeys, revokePerformer } from '../identity/revoke.ts'
import { issueTokenPerformer, makeToken } from '../identity/tokens.ts'
import { atCentre } from '../performer.ts'
import type { Caller } from './access.ts'
import { bodyOf } from './body.ts'

const TokenSchema = v.strictObject({ device: v.string(), site: v.string() })

export function operatorRoutes(parts: {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly enrolment: EnrolmentParts
  /** Ends the connections of these NATS users, and lets them in no more. */
  shutOut(userKeys: readonly string[]): Promise<void>
}): Hono<Caller> {
  const app = new Hono<Caller>()
  app.post('/tokens', async (context) => {
    const { device, site } = await bodyOf(context.req, TokenSchema)
    const token = makeToken()
    const { output } = await atCentre(parts.kernel, issueTokenPerformer(parts.clock), {
      resource: { type: 'device', id: device },
      input: { hash: token.hash, device, site },
      principal: context.get('principal'),
    })
    return context.json({ token: token.text, device, site, expiresAt: output.expiresAt }, 201)
  })
  app.get('/devices', async (context) => {
    const devices = await listDevices(parts.db)
    const held = await parts.db.query<{
      device: string
      seq: number
      problem: string | null
      updated_at: string
    }>('select device, seq, problem, updated_at from ingest.device where tenant = $1', [
      parts.enrolment.tenant,
    ])
    return context.json({
      devices: devices.map(({ key, ...device }) => {
        const journal = held.find((row) => row.device === device.id)
        return { ...device, keyId: key.id, journal: journal ?? null }
      }),
    })
  })
  app.post('/devices/:id/revoke', async (context) => {
    const id = context.req.param('id')
    const { output } = await atCentre(parts.kernel, revokePerformer(parts.clock), {
      resource: { type: 'device', id },
      input: { device: id },
      principal: context.get('principal'),
    })
    await parts.shutOut(await revokedKeys(parts.db, id))
    return context.json(output)
  })
  app.get('/releases', async (context) => {
    const releases = await parts.db.query(
      'select name, version, envelope_sha256, published_at, manifest from centre.bundle order by published_at desc limit 200',
    )
    return context.json({ releases })
  })
  app.get('/policy', (context) => {
    const { payload } = parts.enrolment.policy()
    return context.json({ policy: JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as object })
  })
  app.get('/context/:table', async (context) => {
    const table = CONTEXT_TABLES.find((known): known is ContextTable => known === context.req.param('table'))
    if (table === undefined)
      return context.json(
        { code: 'no_such_table', message: 'There is no such table.', remedy: CONTEXT_TABLES.join(', ') },
        404,
      )
    return context.json({ rows: await listRows(parts.db, parts.enrolment.tenant, table) })
  })
  return app
}
