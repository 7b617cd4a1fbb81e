/** Devices over the API: tokens for new ones, the list, what one should run, revoking one. */
import { Hono } from 'hono'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { listDevices } from '../identity/devices.ts'
import { revokedKeys, revokePerformer } from '../identity/revoke.ts'
import { issueTokenPerformer, makeToken } from '../identity/tokens.ts'
import { atCentre } from '../performer.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { chooseVersionPerformer, listChoices } from '../release/desired.ts'
import type { Caller } from './access.ts'
import { bodyOf } from './body.ts'

const TokenSchema = v.strictObject({ device: v.string(), site: v.string() })
const DesiredSchema = v.strictObject({ name: v.string(), version: v.nullable(v.string()) })

export interface DeviceParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly enrolment: EnrolmentParts
  readonly rollout: RolloutParts
  /** What devices shall run may be otherwise now: tells them to look again. */
  desiredMoved(): Promise<void>
  /** Ends what a device holds open here, and the connections of its NATS users, and lets them in no more. */
  shutOut(device: string, userKeys: readonly string[]): Promise<void>
}

export function deviceRoutes(parts: DeviceParts): Hono<Caller> {
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
  app.get('/devices', async (context) => context.json({ devices: await shownDevices(parts) }))
  app.put('/devices/:id/desired', async (context) => {
    const id = context.req.param('id')
    const { name, version } = await bodyOf(context.req, DesiredSchema)
    const { output } = await atCentre(parts.kernel, chooseVersionPerformer(parts.rollout), {
      resource: { type: 'device', id },
      input: { device: id, name, version },
      principal: context.get('principal'),
    })
    await parts.desiredMoved()
    return context.json(output)
  })
  app.post('/devices/:id/revoke', async (context) => {
    const id = context.req.param('id')
    const { output } = await atCentre(parts.kernel, revokePerformer(parts.rollout), {
      resource: { type: 'device', id },
      input: { device: id },
      principal: context.get('principal'),
    })
    await parts.shutOut(id, await revokedKeys(parts.db, id))
    return context.json(output)
  })
  return app
}

async function shownDevices({ db, enrolment }: DeviceParts): Promise<readonly object[]> {
  const held = await db.query<{ device: string; seq: number; problem: string | null; updated_at: string }>(
    'select device, seq, problem, updated_at from ingest.device where tenant = $1',
    [enrolment.tenant],
  )
  const choices = await listChoices(db)
  return (await listDevices(db)).map(({ key, ...device }) => ({
    ...device,
    keyId: key.id,
    journal: held.find((row) => row.device === device.id) ?? null,
    chosen: choices.flatMap(({ device: of, ...choice }) => (of === device.id ? [choice] : [])),
  }))
}
