/** The centre's API on a real kernel and database, without servers, and devices whose journals it can be given. */
import { join } from 'node:path'
import type { Hono } from 'hono'
import { CENTRE_SCHEMA } from '../../control-plane/centre-schema.ts'
import { applyWrite } from '../../control-plane/context/apply-write.ts'
import { OPS_SCHEMA } from '../../control-plane/context/schema.ts'
import { openAccess, type Role } from '../../control-plane/http/access.ts'
import { centreApi } from '../../control-plane/http/app.ts'
import { processBatch } from '../../control-plane/ingest/batch.ts'
import { INGEST_SCHEMA } from '../../control-plane/ingest/schema.ts'
import { openCentreContent } from '../../control-plane/release/content.ts'
import { openDevelopmentKeys } from '../../control-plane/release/repositories/development-keys.ts'
import { openOnlineKeys } from '../../control-plane/release/repositories/key-ring.ts'
import { openRepositories } from '../../control-plane/release/repositories/repositories.ts'
import { REPOSITORY_SCHEMA } from '../../control-plane/release/repositories/store.ts'
import { openCampaigns } from '../../control-plane/rollouts/campaigns.ts'
import { openCentrePolicy } from '../../control-plane/policy.ts'
import { openConductor, type Conductor } from '../../control-plane/rollouts/conductor.ts'
import type { RolloutParts } from '../../control-plane/rollouts/decide.ts'
import { openCentreKeys, type CentreKeys } from '../../control-plane/keys.ts'
import { openAuthority } from '../../shared/fabric/credentials.ts'
import { parseDeviceId, parseSiteId, parseTenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Environment } from '../../shared/kernel/contract.ts'
import type { Database } from '../../shared/sql/port.ts'
import { openLog } from '../../shared/log.ts'
import { encodeSegment } from '../../shared/wire/segment.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import { governed, type Governed } from '../support/governed.ts'

export const tenant = parseTenantId('acme')

export interface ApiStage extends Governed {
  readonly app: Hono
  readonly keys: CentreKeys
  readonly rollout: RolloutParts
  readonly conductor: Conductor
  /** Devices that were told to look again. */
  readonly told: string[]
  /** NATS user keys that were shut out. */
  readonly shutOut: string[]
  /** An operator's token. */
  token(): Promise<string>
  call(path: string, options?: CallOptions): Promise<Called>
  /** Enters a device and everything that its journal holds, sealed. */
  take(device: Governed): Promise<void>
}

interface CallOptions {
  readonly method?: string
  readonly body?: object | string | FormData
  readonly role?: Role | null
  /** Whose token it is. */
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Called {
  readonly status: number
  readonly text: string
  readonly body: JsonObject
  readonly headers: Headers
}

export async function apiStage(
  environment: Environment = 'development',
  options: {
    readonly database?: () => Promise<Database>
    /** Another conductor and another API over the same kernel and database. */
    readonly beside?: ApiStage
  } = {},
): Promise<ApiStage> {
  const { database, beside } = options
  const stage: Governed =
    beside ??
    (await governed({
      origin: 'centre',
      environment,
      policyKey: (folder) => openCentreKeys(folder).policy,
      ...(database === undefined ? {} : { database }),
    }))
  for (const schema of [OPS_SCHEMA, INGEST_SCHEMA, CENTRE_SCHEMA, REPOSITORY_SCHEMA])
    await stage.db.script(schema)
  const keys = openCentreKeys(stage.folder)
  const access = openAccess(keys.access, stage.clock)
  const shutOut: string[] = []
  const { clock, db } = stage
  const content = openCentreContent(join(stage.folder, 'content'))
  const rollout: RolloutParts = {
    clock,
    environment,
    policyKey: keys.policy,
    releaseKey: keys.release.publicKey,
    content,
    policy: () => stage.policy(),
    campaigns: openCampaigns(),
  }
  const told: string[] = []
  const log = openLog({ part: 'centre', clock, json: false, write: () => undefined })
  const conductor = openConductor({
    ...stage,
    rollout,
    log,
    tell: async (devices) => {
      told.push(...devices)
      return await Promise.resolve()
    },
  })
  const app = centreApi({
    shapes: [],
    ...stage,
    policies: await openCentrePolicy({ db, key: keys.policy, environment, clock }),
    version: '0.0.0',
    rollout,
    conductor,
    desiredMoved: async () => await Promise.resolve(),
    journalKey: stage.key.publicKey,
    log,
    access,
    publishing: {
      content,
      clock,
      key: keys.release,
      modelKey: keys.model,
      environment,
    },
    repositories: openRepositories({
      db,
      kernel: stage.kernel,
      clock,
      environment,
      keys:
        environment === 'production'
          ? openOnlineKeys(stage.folder)
          : openDevelopmentKeys(stage.folder, clock.nowMs()),
      desired: async () => await Promise.resolve([]),
    }),
    awaiting: async () => await Promise.resolve([]),
    released: async () => await Promise.resolve(),
    hosts: new Set(['localhost', '127.0.0.1']),
    tell: async () => await Promise.resolve(),
    shutOut: async (_device, userKeys) => {
      shutOut.push(...userKeys)
      return await Promise.resolve()
    },
    enrolment: {
      clock,
      tenant,
      environment,
      authority: await openAuthority(tenant, keys.fabric),
      keys,
      leafUrl: () => 'nats://127.0.0.1:7423',
      policy: () => stage.policy().envelope,
      roots: async () => await Promise.resolve(null),
    },
  })
  let position = 0
  return {
    ...stage,
    app,
    keys,
    rollout,
    conductor,
    told,
    shutOut,
    token: async () => await access.issue({ id: 'olu', role: 'operator' }),
    call: async (path, { method = 'GET', body, role = 'operator', as = 'olu', headers = {} } = {}) => {
      const token = role === null ? null : await access.issue({ id: as, role })
      const answer = await app.request(`http://localhost${path}`, {
        method,
        headers: {
          host: 'localhost',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body) }),
      })
      const text = await answer.text()
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
      return {
        status: answer.status,
        text,
        body: isJson ? (JSON.parse(text) as JsonObject) : {},
        headers: answer.headers,
      }
    },
    take: async (of) => {
      const device = parseDeviceId(of.journal.origin)
      const site = parseSiteId('north')
      const key = of.key.publicKey
      await db.query(
        `insert into centre.device (id, site, public_key, user_key, leaf_key, enrolled_at)
         values ($1, $2, $3, $4, $5, now()) on conflict do nothing`,
        [device, site, key.text, `user-of-${device}`, `leaf-of-${device}`],
      )
      while ((await of.journal.sealNext()) !== null);
      const runs = await of.journal.sealedRuns(0, 100)
      const batch = runs.map((run) => {
        position += 1
        const bytes = encodeSegment({ v: 1, seal: run.seal, records: [...run.records], gapRun: null })
        return { seq: position, device, subject: subjects.up(tenant, device), bytes }
      })
      const known = new Map([[device, { device, site, key }]])
      await db.transaction(async (tx) =>
        processBatch(tx, {
          tenant,
          batch,
          known,
          created: 'now',
          hopeless: new Set(),
          applyWrite,
        }),
      )
    },
  }
}
