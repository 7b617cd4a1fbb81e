/** The OpenAPI 3.1 document, made from the declarations of the calls; its schemas are JSON Schema 2020-12. */
import { toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import { openEndpoint, type Endpoint, type EndpointSpec } from './endpoint.ts'

/** How every refusal of the API looks. */
export const RefusalSchema = v.object({
  code: v.pipe(v.string(), v.description('what it was refused for, for programs')),
  message: v.pipe(v.string(), v.description('what it was refused for, for people')),
  remedy: v.pipe(v.string(), v.description('what can be done about it')),
  details: v.optional(v.record(v.string(), v.unknown())),
})

const REFUSED: Readonly<Record<number, string>> = {
  401: 'no access token of this centre',
  403: 'the policy does not allow it, or the centre was called by a foreign name or page',
  404: 'there is no such thing',
  409: 'it is otherwise than whoever asked believed',
  413: 'the request is too large',
  422: 'what was sent cannot be carried out',
  429: 'too many attempts',
  500: 'a fault of the centre',
}

export function documentEndpoint(described: () => JsonObject): Endpoint {
  return openEndpoint(
    {
      method: 'get',
      path: '/api/openapi.json',
      tag: 'health',
      summary: 'This document: every call of the centre.',
      answer: v.looseObject({ openapi: v.literal('3.1.0'), paths: v.record(v.string(), v.unknown()) }),
      refusals: [],
    },
    async ({ context }) => await Promise.resolve(context.json(described())),
  )
}

export function openApiDocument(endpoints: readonly Endpoint[], version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const one of endpoints) (paths[one.path] ??= {})[one.spec.method] = operation(one)
  return {
    openapi: '3.1.0',
    info: { title: 'Starling control plane', version },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Refusal: schemaOf(RefusalSchema, 'output') },
    },
  }
}

function operation({ spec, path, isOpen }: Endpoint): JsonObject {
  const { tag, summary, method, body, bodyType = 'application/json', answer, status = 200, already } = spec
  const answered = {
    description: 'done',
    content: { [spec.answerType ?? 'application/json']: { schema: schemaOf(answer, 'input') } },
  }
  return {
    operationId: idOf(method, path),
    tags: [tag],
    summary,
    ...(isOpen ? { security: [] } : {}),
    parameters: [...parametersOf(spec, 'path'), ...parametersOf(spec, 'query')],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { [bodyType]: { schema: schemaOf(body, 'input') } } } }),
    responses: {
      [status]: answered,
      ...(already === undefined ? {} : { [already]: { ...answered, description: 'it was so already' } }),
      ...refusalsOf(spec, isOpen),
    },
  }
}

/** What the call itself refuses, and what is refused before it is reached. */
function refusalsOf({ body, query, refusals }: EndpointSpec, isOpen: boolean): JsonObject {
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } }
  const before = [...(isOpen ? [] : [401]), 403, ...(body === undefined ? [] : [413]), 500]
  const read = body === undefined && query === undefined ? [] : [422]
  return Object.fromEntries(
    [...before, ...read, ...refusals].map((refusal) => [
      refusal,
      { description: REFUSED[refusal] ?? 'a fault', content },
    ]),
  )
}

/** `getRegistryName` for `GET /api/registry/{name}`. */
function idOf(method: string, path: string): string {
  const words = path.replace(/^\/api\//, '/').replace(/[{}]/g, '')
  return `${method}${words.replace(/\W+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`
}

function parametersOf(spec: EndpointSpec, place: 'path' | 'query'): readonly JsonObject[] {
  const declared = place === 'path' ? spec.params : spec.query
  if (declared === undefined) return []
  const { properties = {}, required = [] } = schemaOf(declared, 'input') as {
    properties?: Record<string, JsonObject>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema,
  }))
}

function schemaOf(schema: v.GenericSchema, typeMode: 'input' | 'output'): JsonObject {
  // What JSON Schema cannot say (a check in code, a transformed value) is left out of the document, and checked all the same.
  const { $schema: _dialect, ...made } = toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode,
    errorMode: 'ignore',
    // A file of a form: OpenAPI names its content, JSON Schema has no type for it.
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === 'instance' ? { contentMediaType: 'application/octet-stream' } : undefined,
  })
  return made as unknown as JsonObject
}
