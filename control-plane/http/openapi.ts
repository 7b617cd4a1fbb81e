/** The OpenAPI 3.1 document, made from the declarations of the calls; its schemas are JSON Schema 2020-12. */
import { toJsonSchema } from '@valibot/to-json-schema'
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { Endpoint, EndpointSpec } from './endpoint.ts'

/** How every refusal of the API looks. */
export const RefusalSchema = v.object({
  code: v.pipe(v.string(), v.description('what it was refused for, for programs')),
  message: v.pipe(v.string(), v.description('what it was refused for, for people')),
  remedy: v.pipe(v.string(), v.description('what can be done about it')),
  details: v.optional(v.record(v.string(), v.unknown())),
})

const REFUSED: Readonly<Record<number, string>> = {
  401: 'no access token of this centre',
  403: 'the policy does not allow it',
  404: 'there is no such thing',
  409: 'it is otherwise than whoever asked believed',
  422: 'what was sent cannot be carried out',
  429: 'too many attempts',
}

export function openApiDocument(endpoints: readonly Endpoint[], version: string): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const { spec } of endpoints) (paths[`/api${spec.path}`] ??= {})[spec.method] = operation(spec)
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

function operation(spec: EndpointSpec): JsonObject {
  const { tag, summary, method, path, body, answer, status = 200, streams, refusals } = spec
  const refused = { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } }
  const answered = {
    [streams === true ? 'text/event-stream' : 'application/json']: { schema: schemaOf(answer, 'input') },
  }
  return {
    operationId: `${method}${path.replace(/[{}]/g, '').replace(/\W+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`,
    tags: [tag],
    summary,
    parameters: [...parametersOf(spec, 'path'), ...parametersOf(spec, 'query')],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: {
      [status]: { description: 'done', content: answered },
      ...Object.fromEntries(
        [401, ...refusals].map((refusal) => [
          refusal,
          { description: REFUSED[refusal] ?? 'a fault', content: refused },
        ]),
      ),
    },
  }
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
  })
  return made as unknown as JsonObject
}
