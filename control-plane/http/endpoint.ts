/**
 * A call of the API, declared once: its path, what it takes and answers, as schemas. The router, the check of what comes in and
 * the OpenAPI document are all made of this one declaration, so that they cannot differ.
 */
import type { Context, Hono } from 'hono'
import * as v from 'valibot'
import type { StarlingError } from '../../shared/errors.ts'
import type { Principal } from '../../shared/kernel/contract.ts'
import { describeIssues, MalformedMessage } from '../../shared/wire/answer.ts'
import type { Caller } from './access.ts'
import { bodyOf, formOf } from './body.ts'
import type { RefusalStatus } from './status.ts'

export interface EndpointSpec<
  P extends v.GenericSchema = v.GenericSchema,
  Q extends v.GenericSchema = v.GenericSchema,
  B extends v.GenericSchema = v.GenericSchema,
  A extends v.GenericSchema = v.GenericSchema,
> {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** As OpenAPI writes it, `/registry/{name}`: under `/api`, or from the root for a call that is open. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** A form's fields are held against `body`, its files as lists under their field's name; JSON where nothing is said. */
  readonly bodyType?: 'multipart/form-data'
  readonly answer: A
  /** JSON where nothing is said; of a course of events or lines, `answer` is the schema of one. */
  readonly answerType?: 'text/event-stream' | 'application/x-ndjson' | 'text/plain'
  readonly status?: 200 | 201
  /** For a call that also answers, in the same form, that it was so already. */
  readonly already?: 200
  readonly refusals: readonly RefusalStatus[]
  /** The error for a query or form that breaks its schema; MalformedMessage where nothing is said. */
  readonly refuse?: (why: string) => StarlingError
}

export interface EndpointCall<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly principal: Principal
  readonly context: Context<Caller>
}

/** A call that needs no token. */
export type OpenCall<P, Q, B> = Omit<EndpointCall<P, Q, B>, 'principal'>

export interface Endpoint {
  readonly spec: EndpointSpec
  /** From the root. */
  readonly path: string
  /** Whether it needs no token. */
  readonly isOpen: boolean
  answer(context: Context<Caller>): Promise<Response>
}

const Nothing = v.optional(v.unknown())
type Nothing = typeof Nothing

/** What may be answered for a schema: the call has no need to copy what it only shows. */
type Shown<T> = T extends readonly (infer E)[]
  ? readonly Shown<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Shown<T[K]> }
    : T

/** Declares a call for holders of a token. `carryOut` gets what the schemas made of the request. */
export function endpoint<
  A extends v.GenericSchema,
  P extends v.GenericSchema = Nothing,
  Q extends v.GenericSchema = Nothing,
  B extends v.GenericSchema = Nothing,
>(
  spec: EndpointSpec<P, Q, B, A>,
  carryOut: (
    call: EndpointCall<v.InferOutput<P>, v.InferOutput<Q>, v.InferOutput<B>>,
  ) => Promise<Shown<v.InferInput<A>> | Response>,
): Endpoint {
  return {
    spec,
    path: `/api${spec.path}`,
    isOpen: false,
    answer: async (context) => {
      const call = { ...(await requestOf(spec, context)), principal: context.get('principal') }
      return answered(spec, context, await carryOut(call))
    },
  }
}

/** Declares a call for whoever reaches the centre. */
export function openEndpoint<
  A extends v.GenericSchema,
  P extends v.GenericSchema = Nothing,
  Q extends v.GenericSchema = Nothing,
  B extends v.GenericSchema = Nothing,
>(
  spec: EndpointSpec<P, Q, B, A>,
  carryOut: (
    call: OpenCall<v.InferOutput<P>, v.InferOutput<Q>, v.InferOutput<B>>,
  ) => Promise<Shown<v.InferInput<A>> | Response>,
): Endpoint {
  return {
    spec,
    path: spec.path,
    isOpen: true,
    answer: async (context) => answered(spec, context, await carryOut(await requestOf(spec, context))),
  }
}

async function requestOf<
  P extends v.GenericSchema,
  Q extends v.GenericSchema,
  B extends v.GenericSchema,
  A extends v.GenericSchema,
>(
  spec: EndpointSpec<P, Q, B, A>,
  context: Context<Caller>,
): Promise<OpenCall<v.InferOutput<P>, v.InferOutput<Q>, v.InferOutput<B>>> {
  const { params, query, body, bodyType, refuse } = spec
  return {
    params: taken(params, context.req.param(), refusedAs('the path')),
    query: taken(query, context.req.query(), refuse ?? refusedAs('the query')),
    body:
      body === undefined
        ? undefined
        : bodyType === undefined
          ? await bodyOf(context.req, body)
          : taken(body, await formOf(context.req.raw), refuse ?? refusedAs('the form')),
    context,
  }
}

function answered(spec: EndpointSpec, context: Context<Caller>, made: unknown): Response {
  return made instanceof Response ? made : context.json(made as object, spec.status ?? 200)
}

/** Puts calls under their paths; those that need a token into an app of their own, which is mounted at `/api`. */
export function mount(app: Hono<Caller>, endpoints: readonly Endpoint[]): void {
  for (const one of endpoints) {
    const path = one.spec.path.replace(/\{(\w+)\}/g, ':$1')
    app.on(one.spec.method.toUpperCase(), path, async (context) => await one.answer(context))
  }
}

function taken<S extends v.GenericSchema>(
  schema: S | undefined,
  value: unknown,
  refuse: (why: string) => StarlingError,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema ?? (Nothing as unknown as S), value)
  if (parsed.success) return parsed.output
  throw refuse(describeIssues(parsed.issues))
}

function refusedAs(where: string): (why: string) => StarlingError {
  return (why) =>
    new MalformedMessage(`${where} was refused: ${why}`, { remedy: 'Send what /api/openapi.json describes.' })
}
