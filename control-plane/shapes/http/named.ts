/**
 * Named shapes, for devices: `GET /v1/shapes/NAME` with a token that the device signed. Which table, columns and rows that means is
 * decided by who the device is. An answer is its own reader's: no cache keeps it, and no other scope shares its shape.
 */
import type { Context, Hono } from 'hono'
import { namedShape, type ShapeScope } from '../../../shared/context/shapes.ts'
import {
  CONTEXT_VERSION_PARAM,
  OWN_FORM,
  stepFor,
  type ContextForm,
} from '../../../shared/context/version.ts'
import { isContextTable } from '../../../shared/context/tables.ts'
import type { PublicKey } from '../../../shared/signing/ed25519.ts'
import { claimedDevice, openShapeToken } from '../../../shared/wire/shape-token.ts'
import type { ShapeDefinition } from '../definition.ts'
import { InvalidShapeRequest } from '../errors.ts'
import { inOlderForm } from './older-form.ts'
import { shapeRoutes, type Granted, type ShapeRouteParts } from './shape-routes.ts'

export interface NamedShapeParts extends Omit<ShapeRouteParts, 'grant' | 'path'> {
  readonly tenant: string
  /** Of the rows that are served; this program's own where none is named. */
  readonly form?: ContextForm
  /** Null for a device that is unknown or revoked. */
  deviceOf(id: string): Promise<{ readonly site: string; readonly key: PublicKey } | null>
}

export interface NamedShapes {
  readonly app: Hono
  /** Ends every held request of a device; it starts none again. Call it once the device counts as revoked. */
  revoke(device: string): Promise<void>
}

/** What the catalogue decides, and a request therefore may not say. */
const DECIDED = /^(table|where|columns|queryable_columns|params(\[.*)?)$/

export const NAMED_PATH = '/v1/shapes/:name'

export function namedShapes(parts: NamedShapeParts): NamedShapes {
  const { server } = parts
  const grants = deviceGrants({ ...parts, endScopes: async (isOver) => await server.endScopes(isOver) })
  const app = shapeRoutes({
    ...parts,
    path: NAMED_PATH,
    grant: async (context, query) => await grants.grant(context, query),
  })
  return { app, revoke: async (device) => await grants.revoke(device) }
}

export interface DeviceGrants {
  /** Throws {@link InvalidShapeRequest} for what a request may not say. */
  grant(
    context: Context,
    query: URLSearchParams,
  ): Promise<(Granted & { readonly signal: AbortSignal }) | Response>
  revoke(device: string): Promise<void>
}

/** Who may read what, decided the same way whoever serves it. */
export function deviceGrants(
  parts: Pick<NamedShapeParts, 'tenant' | 'deviceOf' | 'clock' | 'form'> & {
    endScopes(isOver: (scope: string) => boolean): Promise<void>
  },
): DeviceGrants {
  const readers = new Readers()
  const { form = OWN_FORM } = parts
  return {
    grant: async (context, query) => {
      const scope = await scopeOf(context, parts)
      if (scope === null) return denied()
      const signal = readers.of(scope)
      // Once more, with the signal in hand: a revocation is seen by one or the other.
      if ((await parts.deviceOf(scope.device)) === null) return denied()
      const said = versionOf(query)
      const steps = stepFor(form, said)
      const reader = { ...scope, form: `${said ?? 1}/${form.version}` }
      await parts.endScopes((other) => isOldScope(other, reader))
      const name = context.req.param('name') ?? ''
      const definition = definitionOf(name, reader, query)
      const step = isContextTable(name) ? steps?.tables[name] : undefined
      const rewrite = step === undefined ? null : (messages: string) => inOlderForm(step, messages)
      return { definition, audience: 'private', subsetColumns: definition.columns, signal, rewrite }
    },
    revoke: async (device) => {
      readers.revoke(device)
      await parts.endScopes((scope) => scope.startsWith(`${parts.tenant}/${device}@`))
    },
  }
}

/** One signal for all requests of a device, until it is revoked. */
class Readers {
  readonly #signals = new Map<string, AbortController>()

  of({ device }: ShapeScope): AbortSignal {
    const known = this.#signals.get(device) ?? new AbortController()
    this.#signals.set(device, known)
    return known.signal
  }

  revoke(device: string): void {
    this.#signals.get(device)?.abort()
    this.#signals.delete(device)
  }
}

async function scopeOf(
  context: Context,
  { tenant, clock, ...parts }: Pick<NamedShapeParts, 'tenant' | 'deviceOf' | 'clock'>,
): Promise<ShapeScope | null> {
  const token = /^Bearer (\S+)$/.exec(context.req.header('authorization') ?? '')?.[1]
  const device = token === undefined ? null : claimedDevice(token)
  if (token === undefined || device === null) return null
  const known = await parts.deviceOf(device)
  if (known === null) return null
  const holder = openShapeToken(token, { key: known.key, tenant, nowMs: clock.nowMs() })
  return holder === null ? null : { tenant, site: known.site, device: holder.device }
}

/** Pure: the same name means different rows to different scopes, and never anything that the request says. */
export function definitionOf(name: string, scope: Reader, query: URLSearchParams): ShapeDefinition {
  const shape = namedShape(name)
  if (shape === undefined) throw new InvalidShapeRequest('shape', `no shape is called ${name.slice(0, 100)}`)
  const said = [...query.keys()].find((key) => DECIDED.test(key))
  if (said !== undefined)
    throw new InvalidShapeRequest(said, 'is decided by the shape and its reader, not by the request')
  const replica = query.get('replica') === 'full' ? 'full' : 'default'
  const log = query.get('log') === 'changes_only' ? 'changes_only' : 'full'
  const params = Object.fromEntries(shape.params(scope).map((value, index) => [String(index + 1), value]))
  const { schema, table, columns, where } = shape
  return { schema, table, columns, where, params, replica, log, scope: scopeName(scope) }
}

/**
 * Who reads, and in which form, `DEVICE'S/CENTRE'S`: a log is read in one form from its beginning, so whoever of the two is updated,
 * the device starts a log of its own anew.
 */
type Reader = ShapeScope & { readonly form: string }

function scopeName({ tenant, device, site, form }: Reader): string {
  return `${tenant}/${device}@${site}#${form}`
}

const VERSION = /^[1-9]\d{0,5}$/

function versionOf(query: URLSearchParams): number | undefined {
  const said = query.get(CONTEXT_VERSION_PARAM)
  if (said === null) return undefined
  if (!VERSION.test(said)) throw new InvalidShapeRequest(CONTEXT_VERSION_PARAM, 'is invalid')
  return Number(said)
}

/** The same device at another site, or in another form: what it followed there is no longer its to see. */
function isOldScope(other: string, scope: Reader): boolean {
  return other !== scopeName(scope) && other.startsWith(`${scope.tenant}/${scope.device}@`)
}

function denied(): Response {
  return new Response(
    JSON.stringify({
      code: 'access_denied',
      message: 'This shape needs a token of an enrolled device.',
      remedy: 'Sign a token with the key that the device enrolled with, by a clock that is right.',
    }),
    {
      status: 401,
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    },
  )
}
