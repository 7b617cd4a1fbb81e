/** Shapes over HTTP: the same for free-form and named shapes, which differ in who says what a request may read. */
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import type { ShapeDefinition } from '../definition.ts'
import { logHeaders, subsetHeaders, type Audience } from '../protocol/headers.ts'
import { readReading, readSubsetBody, readSubsetQuery, type Reading } from '../protocol/request.ts'
import type { ShapeServer } from '../server.ts'
import type { SubsetAsked } from '../store/subset.ts'
import { errorResponse, refetchResponse, withdrawn } from './responses.ts'
import { sseResponse } from './sse.ts'

/** What a request may read, decided before anything else is looked at. */
export interface Granted {
  readonly definition: ShapeDefinition
  readonly audience: Audience
  /** By which columns a subset may be asked for; null for all of the table. */
  readonly subsetColumns: readonly string[] | null
  /** Aborts when the right to read is withdrawn. */
  readonly signal: AbortSignal | null
  /** Puts messages, joined by commas, into the reader's own form; null where it is the table's. */
  readonly rewrite: ((messages: string) => string) | null
}

export interface ShapeRouteParts {
  readonly server: ShapeServer
  readonly clock: Clock
  readonly log: Log
  readonly pollMs: number
  readonly path: string
  /** Throws {@link InvalidShapeRequest}, or gives the answer to one who may not read. */
  grant(context: Context, query: URLSearchParams): Promise<Granted | Response>
}

/** A subset's clause with thousands of ids. */
const MAX_BODY_BYTES = 1024 * 1024

export function shapeRoutes(parts: ShapeRouteParts): Hono {
  const app = new Hono()
  // For this path alone: mounted beside the API, it would cut short every upload of a release.
  app.use(
    parts.path,
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => context.json({ message: 'Request body too large' }, 413, { connection: 'close' }),
    }),
  )
  app.get(parts.path, async (context) => await answered(context, parts))
  app.post(parts.path, async (context) => await answered(context, parts))
  app.onError((error, context) => errorResponse(error, context, parts.log))
  return app
}

async function answered(context: Context, parts: ShapeRouteParts): Promise<Response> {
  const query = new URL(context.req.url).searchParams
  const reading = readReading(query)
  const granted = await parts.grant(context, query)
  if (granted instanceof Response) return granted
  const response = await respond(context, parts, { query, reading, granted })
  // Withdrawn while it was held: what was found in the end is not told.
  return granted.signal?.aborted === true ? withdrawn() : response
}

async function respond(
  context: Context,
  parts: ShapeRouteParts,
  {
    query,
    reading,
    granted,
  }: { readonly query: URLSearchParams; readonly reading: Reading; readonly granted: Granted },
): Promise<Response> {
  const isPost = context.req.method === 'POST'
  const subset = isPost ? readSubsetBody(await context.req.text()) : readSubsetQuery(query)
  if (subset !== null)
    return await subsetResponse(parts, granted, {
      handle: reading.offset === 'start' ? null : reading.handle,
      subset,
    })
  const signal =
    granted.signal === null
      ? context.req.raw.signal
      : AbortSignal.any([context.req.raw.signal, granted.signal])
  const request = { ...reading, definition: granted.definition }
  if (reading.isSse) return await sseResponse(parts, { ...granted, request, signal })
  const answer = await parts.server.serve(request, signal)
  if (answer.kind === 'refetch') return refetchResponse(answer, granted.audience)
  const headers = logHeaders(answer, {
    reading,
    requested: query.get('offset') ?? '',
    audience: granted.audience,
    nowMs: parts.clock.nowMs(),
    pollMs: parts.pollMs,
  })
  const isKnown = (context.req.header('if-none-match') ?? '')
    .split(',')
    .some((tag) => tag.trim() === headers['etag'])
  return isKnown
    ? new Response(null, { status: 304, headers })
    : new Response(`[${granted.rewrite?.(answer.body) ?? answer.body}]`, { headers })
}

async function subsetResponse(
  { server }: ShapeRouteParts,
  { definition, audience, subsetColumns, rewrite }: Granted,
  asked: { readonly handle: string | null; readonly subset: Omit<SubsetAsked, 'columns'> },
): Promise<Response> {
  const answer = await server.subset(definition, asked.handle, { ...asked.subset, columns: subsetColumns })
  if (answer.kind === 'refetch') return refetchResponse(answer, audience)
  return new Response(
    `{"metadata":${JSON.stringify(answer.metadata)},"data":[${rewrite?.(answer.data) ?? answer.data}]}`,
    {
      headers: subsetHeaders(answer, audience),
    },
  )
}
