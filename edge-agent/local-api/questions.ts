/** The context over the local API: one question a request, in JSON. */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as v from 'valibot'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { QueryAnswer, SearchAnswer } from '../context/questions.ts'

/** A question's words and a few conditions. */
const MAX_QUESTION_BYTES = 16 * 1024
const USUAL_FOUND = 10
const USUAL_ROWS = 100

const Time = v.optional(v.pipe(v.string(), v.maxLength(60)))
const SearchSchema = v.strictObject({
  words: v.string(),
  limit: v.optional(v.number(), USUAL_FOUND),
  /** What held then, as it was known then. */
  asOf: Time,
  /** As it was known at another time. */
  knownAt: Time,
})
const QuerySchema = v.strictObject({
  of: v.string(),
  where: v.optional(v.record(v.string(), v.string()), {}),
  hops: v.optional(v.nullable(v.number()), null),
  limit: v.optional(v.number(), USUAL_ROWS),
  asOf: Time,
  knownAt: Time,
})
export type AskedSearch = v.InferOutput<typeof SearchSchema>
export type AskedQuery = v.InferOutput<typeof QuerySchema>

export interface ContextQuestions {
  search(asked: AskedSearch): Promise<SearchAnswer>
  query(asked: AskedQuery): Promise<QueryAnswer>
}

export function questionRoutes(questions: ContextQuestions): Hono {
  const app = new Hono()
  const short = bodyLimit({
    maxSize: MAX_QUESTION_BYTES,
    onError: (context) =>
      context.json(
        {
          code: 'body_too_large',
          message: `the question is longer than ${MAX_QUESTION_BYTES / 1024} KB`,
          remedy: 'Ask in fewer words.',
        },
        413,
        { connection: 'close' },
      ),
  })
  app.post('/search', short, async (context) =>
    context.json(
      await questions.search(decodeJson(SearchSchema, new Uint8Array(await context.req.arrayBuffer()))),
    ),
  )
  app.post('/query', short, async (context) =>
    context.json(
      await questions.query(decodeJson(QuerySchema, new Uint8Array(await context.req.arrayBuffer()))),
    ),
  )
  return app
}
