/**
 * Free-form shapes: whoever reaches the port names the table, the columns and the clause, and may forget shapes. Only under
 * `--insecure-shapes` and only on loopback; any page may read it (CORS), as clients of the protocol in a browser expect.
 */
import { Hono } from 'hono'
import { readDefinition, readQueryable } from '../protocol/request.ts'
import { InvalidShapeRequest } from '../errors.ts'
import { errorResponse } from './responses.ts'
import { shapeRoutes, type ShapeRouteParts } from './shape-routes.ts'

const METHODS = 'GET, POST, HEAD, DELETE, OPTIONS'

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
  'access-control-allow-headers': '*',
  'access-control-allow-methods': METHODS,
}

export function freeFormShapes(parts: Omit<ShapeRouteParts, 'grant' | 'path'>): Hono {
  const app = new Hono()
  app.use('/v1/*', async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(CORS)) context.res.headers.set(name, value)
  })
  app.get('/v1/health', (context) =>
    context.json({ status: 'active' }, 200, { 'cache-control': 'no-cache, no-store, must-revalidate' }),
  )
  app.options('/v1/shape', () => new Response(null, { status: 204 }))
  app.delete('/v1/shape', async (context) => {
    const query = new URL(context.req.url).searchParams
    const handle = query.get('handle')
    const hasTable = query.get('table') !== null
    if (!hasTable && (handle === null || handle === ''))
      throw new InvalidShapeRequest('handle', "can't be blank when shape definition is missing")
    const isThere = await parts.server.remove(handle, hasTable ? readDefinition(query) : null)
    return isThere ? new Response(null, { status: 202 }) : context.json({ message: 'Shape not found' }, 404)
  })
  app.route(
    '/',
    shapeRoutes({
      ...parts,
      path: '/v1/shape',
      grant: async (_context, query) =>
        await Promise.resolve({
          definition: readDefinition(query),
          audience: 'public' as const,
          subsetColumns: readQueryable(query),
          signal: null,
          rewrite: null,
        }),
    }),
  )
  app.onError((error, context) => errorResponse(error, context, parts.log))
  return app
}
