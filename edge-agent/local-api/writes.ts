/** Changes that are not through, over the local API: those in conflict, rejected, on their way; and what a person decides about them. */
import { Hono } from 'hono'
import * as v from 'valibot'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { WriteDesk } from '../context/write-desk.ts'
import { TakeSchema, WRITE_DEEDS } from '../context/write-performers.ts'

const ChoiceSchema = v.strictObject({ take: TakeSchema })
const DeedSchema = v.strictObject({ do: v.picklist(WRITE_DEEDS) })

export function writeRoutes(desk: WriteDesk): Hono {
  const app = new Hono()
  app.get('/', async (context) => context.json(await desk.show({ all: context.req.query('all') === '1' })))
  app.post('/conflicts/:id', async (context) => {
    const { take } = decodeJson(ChoiceSchema, new Uint8Array(await context.req.arrayBuffer()))
    return context.json(await desk.settle(context.req.param('id'), take))
  })
  app.post('/:id', async (context) => {
    const { do: deed } = decodeJson(DeedSchema, new Uint8Array(await context.req.arrayBuffer()))
    return context.json(await desk.decide(context.req.param('id'), deed))
  })
  return app
}
