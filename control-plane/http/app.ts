/** The centre's HTTP face: enrolment for devices, the API for operators and governance, health for machines. */
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Log } from '../../shared/log.ts'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import { decodeJson } from '../../shared/wire/answer.ts'
import { ENROL_PATH, EnrolRequestSchema } from '../../shared/wire/enrolment.ts'
import { EnrolmentAttempts } from '../identity/attempts.ts'
import { devicesOfSite } from '../identity/devices.ts'
import { enrolAnswer, enrolInput, enrolPerformer } from '../identity/enrol.ts'
import { atCentre } from '../performer.ts'
import { accessRequired, type Access, type Caller } from './access.ts'
import { conflictRoutes } from './conflicts.ts'
import { consoleRoutes } from './console.ts'
import { deviceRoutes, type DeviceParts } from './devices.ts'
import { fleetEndpoint } from './fleet.ts'
import { meEndpoint } from './me.ts'
import { mount, type Endpoint } from './endpoint.ts'
import { openApiDocument } from './openapi.ts'
import { operatorRoutes } from './operator.ts'
import { peopleEndpoints, type PeopleParts } from './people.ts'
import { registryReads } from './registry-reads.ts'
import { registryWrites, type RegistryWriteParts } from './registry-writes.ts'
import { MAX_UPLOAD_BYTES, releaseRoutes, UPLOAD_PATH, type ReleaseParts } from './releases.ts'
import { auditRoutes } from './audit.ts'
import {
  HAND_IN_PATHS,
  MAX_HAND_IN_BYTES,
  repositoryEndpoints,
  type RepositoryApiParts,
} from './repositories.ts'
import { rolloutEndpoints, type RolloutApiParts } from './rollouts.ts'
import { statusOf } from './status.ts'

/** The largest request is an enrolment: a few KB. */
const MAX_BODY_BYTES = 256 * 1024

/** The rest of a body that was refused is not read: the connection cannot be used again, and says so. */
const CLOSING = { connection: 'close' }

export interface CentreApiParts
  extends DeviceParts, ReleaseParts, RegistryWriteParts, PeopleParts, RolloutApiParts, RepositoryApiParts {
  /** Of Starling. */
  readonly version: string
  readonly journal: Journal
  readonly journalKey: PublicKey
  readonly log: Log
  readonly metrics: Metrics
  readonly access: Access
  /** Has devices look again. */
  tell(devices: readonly string[]): Promise<void>
  /** Host names (without port) under which the centre may be called. */
  readonly hosts: ReadonlySet<string>
  /** What serves shapes: to devices with their tokens and, where `--insecure-shapes` asked for it, to everybody. */
  readonly shapes: readonly Hono[]
}

export function centreApi(parts: CentreApiParts): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    const host = (context.req.header('host') ?? '').replace(/:\d+$/, '')
    // A page of another site that rebinds its name to this address must not reach the API.
    if (!parts.hosts.has(host)) return context.json(foreign(host), 403)
    await next()
  })
  // Before the look at the origin: shapes trust no cookie, and pages of other sites may read free-form ones.
  for (const shapes of parts.shapes) app.route('/', shapes)
  app.use(async (context, next) => {
    const origin = context.req.header('origin')
    if (origin !== undefined && origin !== `http://${context.req.header('host') ?? ''}`)
      return context.json(foreign(origin), 403)
    await next()
  })
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'self'"], frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
    }),
  )
  const [small, large, handIn] = [MAX_BODY_BYTES, MAX_UPLOAD_BYTES, MAX_HAND_IN_BYTES].map((maxSize) =>
    bodyLimit({ maxSize, onError: (context) => context.json(tooLarge(maxSize), 413, CLOSING) }),
  )
  app.use(async (context, next) => {
    const { path } = context.req
    const limit = path === UPLOAD_PATH ? large : HAND_IN_PATHS.includes(path) ? handIn : small
    return await limit?.(context, next)
  })
  app.get('/api/health', (context) => context.json({ status: 'ok' }))
  app.get('/api/ready', async (context) => {
    await parts.db.query('select 1')
    return context.json({ status: 'ready' })
  })
  app.get('/metrics', (context) => context.text(parts.metrics.render(), 200))
  const attempts = new EnrolmentAttempts(parts.clock)
  app.post(ENROL_PATH, async (context) => {
    const request = decodeJson(EnrolRequestSchema, new Uint8Array(await context.req.arrayBuffer()))
    const forgive = attempts.take(addressOf(context.env))
    const performed = await atCentre(parts.kernel, enrolPerformer(parts.enrolment, request), {
      resource: { type: 'device', id: request.claim.device },
      input: enrolInput(request),
    })
    forgive()
    parts.log.info(`enrolled ${request.claim.device} at ${request.claim.site}`)
    // Whoever keeps the site's leaf has it speak for the new device, too.
    await parts.tell(await devicesOfSite(parts.db, request.claim.site))
    return context.json(await enrolAnswer(parts.enrolment, performed.output))
  })
  const guarded = new Hono<Caller>()
  guarded.use(accessRequired(parts.access))
  guarded.route('/', deviceRoutes(parts))
  guarded.route('/', releaseRoutes(parts))
  guarded.route('/', operatorRoutes(parts))
  guarded.route('/', conflictRoutes(parts))
  guarded.route('/', auditRoutes(parts))
  const endpoints = describedEndpoints(parts)
  mount(guarded, endpoints)
  const described = openApiDocument(endpoints, parts.version)
  app.get('/api/openapi.json', (context) => context.json(described))
  app.route('/api', guarded)
  app.route('/', consoleRoutes(parts.access))
  app.notFound((context) =>
    context.json({ code: 'not_found', message: 'There is nothing here.', remedy: 'See /.' }, 404),
  )
  app.onError((error, context) => {
    if (!(error instanceof StarlingError)) parts.log.error('a request failed', { message: String(error) })
    return context.json(reportError(error), statusOf(error))
  })
  return app
}

/** The calls that are declared with their schemas, and so stand in the OpenAPI document. */
function describedEndpoints(parts: CentreApiParts): readonly Endpoint[] {
  return [
    ...registryReads(parts),
    ...registryWrites(parts),
    ...peopleEndpoints(parts),
    ...rolloutEndpoints(parts),
    meEndpoint(parts.rollout),
    fleetEndpoint(parts.db, parts.enrolment),
    ...repositoryEndpoints(parts),
  ]
}

/** Who is at the other end of the connection, as far as the server knows. */
function addressOf(env: unknown): string {
  return (env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? 'unknown'
}

function foreign(what: string): JsonObject {
  return {
    code: 'foreign_request',
    message: `${what.slice(0, 200)} may not use this centre`,
    remedy: 'Call the centre by the address that it prints.',
  }
}

function tooLarge(maxBytes: number): JsonObject {
  return {
    code: 'body_too_large',
    message: `the request is larger than ${maxBytes / 1024} KB`,
    remedy: 'Send less at once.',
  }
}
