/** What OpenAPI 3.1 asks of a document's structure, as far as ours goes; what breaks it, in words. */
import type { Json, JsonObject } from '../../../shared/json.ts'

export type OpenApi = JsonObject & {
  readonly openapi: string
  readonly info: JsonObject
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly components: { readonly securitySchemes: JsonObject; readonly schemas: JsonObject }
}
type Operation = {
  readonly at: string
  readonly path: string
  readonly operation: JsonObject
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])
const MEDIA_TYPE = /^[a-z]+\/[a-z0-9.+-]+$/

export function documentFaults(document: OpenApi): readonly string[] {
  const { openapi, info, paths } = document
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      at: `${method} ${path}`,
      path,
      operation,
      method,
    })),
  )
  return [
    ...(/^3\.1\.\d+$/.test(openapi) ? [] : ['openapi is no version 3.1']),
    ...['title', 'version'].flatMap((name) => (isText(info[name]) ? [] : [`info.${name} is missing`])),
    ...Object.keys(paths).flatMap((path) =>
      path.startsWith('/') ? [] : [`path ${path} has no slash first`],
    ),
    ...twice(Object.keys(paths).map((path) => path.replace(/\{\w+\}/g, '{}'))).map(
      (path) => `same path: ${path}`,
    ),
    ...operations.flatMap(({ at, method }) => (METHODS.has(method) ? [] : [`${at}: no method`])),
    ...operations.flatMap(({ at, operation }) =>
      isText(operation['operationId']) ? [] : [`${at}: no operationId`],
    ),
    ...twice(operations.map(({ operation }) => text(operation['operationId']))).map(
      (id) => `two calls have the operationId ${id}`,
    ),
    ...operations.flatMap((one) => [
      ...parameterFaults(one),
      ...bodyFaults(one),
      ...responseFaults(one),
      ...securityFaults(one, document),
    ]),
    ...refsIn(document).flatMap((ref) => (resolves(document, ref) ? [] : [`$ref ${ref} leads nowhere`])),
  ]
}

function parameterFaults({ at, path, operation }: Operation): readonly string[] {
  const declared = (operation['parameters'] ?? []) as readonly JsonObject[]
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
  const inPath = declared.filter((one) => one['in'] === 'path')
  return [
    ...named.flatMap((name) =>
      inPath.some((one) => one['name'] === name) ? [] : [`${at}: path parameter ${name} is not declared`],
    ),
    ...inPath.flatMap((one) => (named.includes(text(one['name'])) ? [] : [`${at}: path parameter too many`])),
    ...inPath.flatMap((one) => (one['required'] === true ? [] : [`${at}: path parameter is not required`])),
    ...declared.flatMap((one) =>
      isObject(one['schema']) && ['path', 'query', 'header', 'cookie'].includes(text(one['in']))
        ? []
        : [`${at}: parameter ${text(one['name'])} has no place or schema`],
    ),
    ...twice(declared.map((one) => `${text(one['in'])} ${text(one['name'])}`)).map(
      (name) => `${at}: parameter ${name} twice`,
    ),
  ]
}

function bodyFaults({ at, operation }: Operation): readonly string[] {
  const body = operation['requestBody']
  return isObject(body) ? contentFaults(`${at}: request body`, body['content']) : []
}

function responseFaults({ at, operation }: Operation): readonly string[] {
  const responses = Object.entries((operation['responses'] ?? {}) as JsonObject)
  return [
    ...(responses.some(([status]) => status.startsWith('2'))
      ? []
      : [`${at}: no responses that say it is done`]),
    ...responses.flatMap(([status, response]) => [
      ...(/^([1-5]\d\d|default)$/.test(status) ? [] : [`${at}: ${status} is no status`]),
      ...(isObject(response) && isText(response['description'])
        ? []
        : [`${at}: ${status} has no description`]),
      ...(isObject(response) && 'content' in response
        ? contentFaults(`${at}: ${status}`, response['content'])
        : []),
    ]),
  ]
}

function contentFaults(at: string, content: Json | undefined): readonly string[] {
  if (!isObject(content) || Object.keys(content).length === 0) return [`${at} has no content`]
  return Object.entries(content).flatMap(([type, media]) =>
    MEDIA_TYPE.test(type) && isObject(media) && isObject(media['schema'])
      ? []
      : [`${at}: ${type} has no schema`],
  )
}

function securityFaults({ at, operation }: Operation, { components, security }: OpenApi): readonly string[] {
  const asked = (operation['security'] ?? security ?? []) as readonly JsonObject[]
  return asked
    .flatMap((one) => Object.keys(one))
    .flatMap((name) =>
      name in components.securitySchemes ? [] : [`${at}: security ${name} is not declared`],
    )
}

function refsIn(value: Json): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one: Json) => refsIn(one))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, one]) =>
    name === '$ref' && typeof one === 'string' ? [one] : refsIn(one),
  )
}

/** A JSON pointer into this very document. */
function resolves(document: JsonObject, ref: string): boolean {
  if (!ref.startsWith('#/')) return false
  let at: Json | undefined = document
  for (const step of ref.slice(2).split('/'))
    at = isObject(at) ? at[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined
  return at !== undefined
}

function twice(values: readonly string[]): readonly string[] {
  return values.filter((value, index) => values.indexOf(value) !== index)
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Nothing for what is no text. */
function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== ''
}
