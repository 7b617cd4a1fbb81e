/**
 * A call of the API, declared once: its path, what it takes and answers, as schemas. The router, the check of what comes in and
 * the OpenAPI document are all made of this one declaration, so that they cannot differ.
 */
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Principal } from '../../shared/kernel/contract.ts'
import { describeIssues, MalformedMessage } from '../../shared/wire/answer.ts'
import type { Caller } from './access.ts'
import { bodyOf } from './body.ts'
import type { RefusalStatus } from './status.ts'

export interface EndpointSpec<
  P extends v.GenericSchema = v.GenericSchema,
  Q extends v.GenericSchema = v.GenericSchema,
  B extends v.GenericSchema = v.GenericSchema,
  A extends v.GenericSchema = v.GenericSchema,
> {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** Under `/api`, as OpenAPI writes it: `/registry/{name}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly answer: A
  readonly status?: 200 | 201
  /** `text/event-stream` for a call whose answer is a course of events of the schema `answer`. */
  readonly streams?: true
  readonly refusals: readonly RefusalStatus[]
}

export interface EndpointCall<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly principal: Principal
  readonly context: Context<Caller>
}

export interface Endpoint {
  readonly spec: EndpointSpec
  answer(context: Context<Caller>): Promise<Response>
}

const Nothing = v.optional(v.unknown())
type Nothing = typeof Nothing

/** Declares a call. `carryOut` gets what the schemas made of the request. */
export function endpoint<
  A extends v.GenericSchema,
  P extends v.GenericSchema = Nothing,
  Q extends v.GenericSchema = Nothing,
  B extends v.GenericSchema = Nothing,
>(
  spec: EndpointSpec<P, Q, B, A>,
  carryOut: (
    call: EndpointCall<v.InferOutput<P>, v.InferOutput<Q>, v.InferOutput<B>>,
  ) => Promise<v.InferInput<A> | Response>,
): Endpoint {
  return {
    spec,
    answer: async (context) => {
      const made = await carryOut({
        params: taken(spec.params, context.req.param(), 'the path'),
        query: taken(spec.query, context.req.query(), 'the query'),
        body: spec.body === undefined ? undefined : await bodyOf(context.req, spec.body),
        principal: context.get('principal'),
        context,
      })
      return made instanceof Response ? made : context.json(made as object, spec.status ?? 200)
    },
  }
}

/** Puts calls under their paths. */
export function mount(app: Hono<Caller>, endpoints: readonly Endpoint[]): void {
  for (const one of endpoints) {
    const path = one.spec.path.replace(/\{(\w+)\}/g, ':$1')
    app.on(one.spec.method.toUpperCase(), path, async (context) => await one.answer(context))
  }
}

function taken<S extends v.GenericSchema>(
  schema: S | undefined,
  value: unknown,
  where: string,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema ?? (Nothing as unknown as S), value)
  if (parsed.success) return parsed.output
  throw new MalformedMessage(`${where} was refused: ${describeIssues(parsed.issues)}`, {
    remedy: 'Send what /api/openapi.json describes.',
  })
}
