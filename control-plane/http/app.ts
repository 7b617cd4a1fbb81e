/** The centre's HTTP face: enrolment for devices, the API for operators and governance, health for machines. */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { Journal } from '../../shared/journal/journal.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Log } from '../../shared/log.ts'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import { accessRequired, type Access, type Caller } from './access.ts'
import { conflictEndpoints } from './conflicts.ts'
import { consoleFiles, sessionEndpoints } from './console.ts'
import { deviceEndpoints, type DeviceParts } from './devices.ts'
import { enrolEndpoint } from './enrolment.ts'
import { fleetEndpoint } from './fleet.ts'
import { healthEndpoints } from './health.ts'
import { meEndpoint } from './me.ts'
import { mount, type Endpoint } from './endpoint.ts'
import { documentEndpoint, openApiDocument } from './openapi.ts'
import { operatorEndpoints } from './operator.ts'
import { policyEndpoints, type PolicyApiParts } from './policy.ts'
import { peopleEndpoints, type PeopleParts } from './people.ts'
import { registryReads } from './registry-reads.ts'
import { registryWrites, type RegistryWriteParts } from './registry-writes.ts'
import { MAX_UPLOAD_BYTES, releaseEndpoints, UPLOAD_PATH, type ReleaseParts } from './releases.ts'
import { auditEndpoints } from './audit.ts'
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
  extends
    DeviceParts,
    ReleaseParts,
    RegistryWriteParts,
    PeopleParts,
    RolloutApiParts,
    RepositoryApiParts,
    PolicyApiParts {
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
  const open = openEndpoints(parts, () => described)
  const forHolders = tokenEndpoints(parts)
  const described = openApiDocument([...open, ...forHolders], parts.version)
  const unguarded = new Hono<Caller>()
  mount(unguarded, open)
  app.route('/', unguarded)
  const guarded = new Hono<Caller>()
  guarded.use(accessRequired(parts.access))
  mount(guarded, forHolders)
  app.route('/api', guarded)
  app.route('/', consoleFiles())
  app.notFound((context) =>
    context.json({ code: 'not_found', message: 'There is nothing here.', remedy: 'See /.' }, 404),
  )
  app.onError((error, context) => {
    if (!(error instanceof StarlingError)) parts.log.error('a request failed', { message: String(error) })
    return context.json(reportError(error), statusOf(error))
  })
  return app
}

function openEndpoints(parts: CentreApiParts, described: () => JsonObject): readonly Endpoint[] {
  return [
    ...healthEndpoints(parts),
    enrolEndpoint(parts),
    documentEndpoint(described),
    ...sessionEndpoints(parts.access),
  ]
}

/** For holders of a token. */
function tokenEndpoints(parts: CentreApiParts): readonly Endpoint[] {
  return [
    ...deviceEndpoints(parts),
    ...releaseEndpoints(parts),
    ...operatorEndpoints(parts),
    ...conflictEndpoints(parts),
    ...auditEndpoints(parts),
    ...registryReads(parts),
    ...registryWrites(parts),
    ...peopleEndpoints(parts),
    ...rolloutEndpoints(parts),
    ...policyEndpoints(parts),
    meEndpoint(parts.rollout),
    fleetEndpoint(parts.db, parts.enrolment),
    ...repositoryEndpoints(parts),
  ]
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
