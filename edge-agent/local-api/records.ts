/** The journal over the local API: newest records, one record with what led to it, and the verdict on the whole chain. */
import { Hono } from 'hono'
import type { Json } from '../../shared/json.ts'

export interface RecordViews {
  /** Newest first. */
  list(limit: number): Promise<Json>
  /** Null when there is no such record. */
  show(id: string): Promise<Json | null>
  verify(): Promise<Json>
}

const MAX_LISTED = 1_000

export function recordRoutes(views: RecordViews): Hono {
  const app = new Hono()
  app.get('/', async (context) => {
    const limit = Math.min(MAX_LISTED, Math.max(1, Number(context.req.query('limit')) || 20))
    return context.json({ records: await views.list(limit) })
  })
  app.get('/verification', async (context) => context.json(await views.verify()))
  app.get('/:id', async (context) => {
    const found = await views.show(context.req.param('id'))
    return found === null
      ? context.json(
          {
            code: 'no_such_record',
            message: 'This device has no record of that id.',
            remedy: 'See `starling audit list`.',
          },
          404,
        )
      : context.json(found)
  })
  return app
}
