/** Devices over the API: tokens for new ones, the list, what one should run, revoking one. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { listDevices } from '../identity/devices.ts'
import { revokedKeys, revokePerformer } from '../identity/revoke.ts'
import { issueTokenPerformer, makeToken } from '../identity/tokens.ts'
import type { RolloutParts } from '../rollouts/decide.ts'
import { chooseVersionPerformer, listChoices } from '../release/desired.ts'
import { doneAt } from './done.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

const DeviceParams = v.strictObject({ id: v.string() })

const DeviceView = v.object({
  id: v.string(),
  site: v.string(),
  enrolledAt: v.string(),
  revokedAt: v.nullable(v.string()),
  seenAt: v.nullable(v.string()),
  reported: v.pipe(v.unknown(), v.description('what the device last said that it runs; null before that')),
  keyId: v.string(),
  journal: v.nullable(
    v.object({
      device: v.string(),
      seq: v.number(),
      problem: v.pipe(
        v.nullable(v.object({ reason: v.string(), message: v.string() })),
        v.description('why no more of it is taken; null while it holds'),
      ),
      updated_at: v.string(),
    }),
  ),
  chosen: v.array(v.object({ name: v.string(), version: v.string() })),
})

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

export function deviceEndpoints(parts: DeviceParts): readonly Endpoint[] {
  return [tokenEndpoint(parts), listEndpoint(parts), desiredEndpoint(parts), revokeEndpoint(parts)]
}

function tokenEndpoint({ kernel, clock }: DeviceParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/tokens',
      tag: 'devices',
      summary: 'Makes a token with which one device enrols once; its text is shown here and never again.',
      body: v.strictObject({ device: v.string(), site: v.string() }),
      answer: v.object({ token: v.string(), device: v.string(), site: v.string(), expiresAt: v.string() }),
      status: 201,
      refusals: [403, 422],
    },
    async ({ body: { device, site }, principal }) => {
      const token = makeToken()
      const { expiresAt } = await doneAt(kernel)(issueTokenPerformer(clock), {
        resource: { type: 'device', id: device },
        input: { hash: token.hash, device, site },
        principal,
      })
      return { token: token.text, device, site, expiresAt }
    },
  )
}

function listEndpoint(parts: DeviceParts): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/devices',
      tag: 'devices',
      summary: 'Every device with its journal, what it last said, and what was chosen for it.',
      answer: v.object({ devices: v.array(DeviceView) }),
      refusals: [],
    },
    async () => ({ devices: await shownDevices(parts) }),
  )
}

function desiredEndpoint(parts: DeviceParts): Endpoint {
  return endpoint(
    {
      method: 'put',
      path: '/devices/{id}/desired',
      tag: 'devices',
      summary: 'Chooses the version of a bundle that a device shall run; null for what is stable.',
      params: DeviceParams,
      body: v.strictObject({ name: v.string(), version: v.nullable(v.string()) }),
      answer: v.object({ device: v.string(), name: v.string(), version: v.nullable(v.string()) }),
      refusals: [403, 404, 409, 422],
    },
    async ({ params: { id }, body: { name, version }, principal }) => {
      await doneAt(parts.kernel)(chooseVersionPerformer(parts.rollout), {
        resource: { type: 'device', id },
        input: { device: id, name, version },
        principal,
      })
      await parts.desiredMoved()
      return { device: id, name, version }
    },
  )
}

function revokeEndpoint(parts: DeviceParts): Endpoint {
  return endpoint(
    {
      method: 'post',
      path: '/devices/{id}/revoke',
      tag: 'devices',
      summary: 'Shuts a device out for good: nothing is taken from it, and its connections end.',
      params: DeviceParams,
      answer: v.object({ device: v.string(), revokedAt: v.string() }),
      refusals: [403, 404, 422],
    },
    async ({ params: { id }, principal }) => {
      const revoked = await doneAt(parts.kernel)(revokePerformer(parts.rollout), {
        resource: { type: 'device', id },
        input: { device: id },
        principal,
      })
      await parts.shutOut(id, await revokedKeys(parts.db, id))
      return revoked
    },
  )
}

async function shownDevices({
  db,
  enrolment,
}: DeviceParts): Promise<readonly v.InferInput<typeof DeviceView>[]> {
  const held = await db.query<{
    device: string
    seq: number
    problem: { reason: string; message: string } | null
    updated_at: string
  }>('select device, seq, problem, updated_at from ingest.device where tenant = $1', [enrolment.tenant])
  const choices = await listChoices(db)
  return (await listDevices(db)).map(({ key, ...device }) => ({
    ...device,
    keyId: key.id,
    journal: held.find((row) => row.device === device.id) ?? null,
    chosen: choices.flatMap(({ device: of, ...choice }) => (of === device.id ? [choice] : [])),
  }))
}
