/**
 * Named shapes from a real Electric behind this centre: who may read what is decided here as ever, and the request goes on with the
 * table, columns and rows that were decided. Proved against the shape server of this centre; not run against Electric itself.
 */
import { Hono } from 'hono'
import { CONTEXT_VERSION } from '../../../shared/context/version.ts'
import type { ShapeDefinition } from '../definition.ts'
import { quoteIdentifier, quoteTable } from '../identifiers.ts'
import { deviceGrants, NAMED_PATH, type NamedShapeParts, type NamedShapes } from './named.ts'
import { errorResponse, withdrawn } from './responses.ts'

/** Where in the log, how to wait, which subset: all that a reader may say, and all that goes on. */
const PASSED =
  /^(offset|handle|live|live_sse|experimental_live_sse|cursor|expired_handle|cache-buster|subset__\w+)$/
/** What comes back, beside the answer itself. */
const RETURNED = /^(content-type|etag|retry-after|electric-[a-z-]+)$/
const PRIVATE = { 'cache-control': 'private, no-store', vary: 'authorization' }

export interface ElectricProxyParts extends Omit<NamedShapeParts, 'server' | 'pollMs'> {
  /** Where Electric is: `http://127.0.0.1:3000`. */
  readonly electric: string
}

export function electricProxy(parts: ElectricProxyParts): NamedShapes {
  const grants = deviceGrants({
    ...parts,
    // Electric keeps one log for all forms and its answers go on as they are, so no older form is served.
    form: { version: CONTEXT_VERSION, steps: [] },
    endScopes: async () => await Promise.resolve(),
  })
  const app = new Hono()
  app.on(['GET', 'POST'], NAMED_PATH, async (context) => {
    const query = new URL(context.req.url).searchParams
    const granted = await grants.grant(context, query)
    if (granted instanceof Response) return granted
    const signal = AbortSignal.any([context.req.raw.signal, granted.signal])
    const isPost = context.req.method === 'POST'
    const body = isPost ? await context.req.text() : null
    try {
      const answer = await fetch(upstream(parts.electric, granted.definition, query), {
        method: context.req.method,
        signal,
        redirect: 'error',
        ...(isPost ? { body, headers: { 'content-type': 'application/json' } } : {}),
      })
      if (granted.signal.aborted) return withdrawn()
      const headers = [...answer.headers].filter(([name]) => RETURNED.test(name))
      return new Response(answer.body, {
        status: answer.status,
        headers: { ...Object.fromEntries(headers), ...PRIVATE },
      })
    } catch (error) {
      if (granted.signal.aborted) return withdrawn()
      parts.log.warn('Electric did not answer', { message: String(error) })
      return context.json({ message: 'Electric does not answer' }, 503, { 'retry-after': '1', ...PRIVATE })
    }
  })
  app.onError((error, context) => errorResponse(error, context, parts.log))
  return { app, revoke: async (device) => await grants.revoke(device) }
}

/** The request as Electric sees it. A subset may ask by the granted columns alone. */
export function upstream(electric: string, definition: ShapeDefinition, query: URLSearchParams): URL {
  const url = new URL('/v1/shape', electric)
  for (const [name, value] of query) if (PASSED.test(name)) url.searchParams.append(name, value)
  url.searchParams.set('table', quoteTable(definition))
  const columns = definition.columns?.map(quoteIdentifier).join(',')
  if (columns !== undefined) {
    url.searchParams.set('columns', columns)
    url.searchParams.set('queryable_columns', columns)
  }
  if (definition.where !== null) url.searchParams.set('where', definition.where)
  for (const [name, value] of Object.entries(definition.params))
    url.searchParams.set(`params[${name}]`, value)
  url.searchParams.set('replica', definition.replica)
  url.searchParams.set('log', definition.log)
  return url
}
