/** The route table against the document: no call without a description, none described that is not there, by OpenAPI 3.1's rules. */
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCentreShapes, type CentreShapes } from '../../../control-plane/shapes/centre-shapes.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { openLog } from '../../../shared/log.ts'
import { apiStage, tenant, type ApiStage } from '../api-stage.ts'
import { documentFaults, type OpenApi } from './openapi-rules.ts'

/** Routes that no document of calls describes, each with the reason. */
const LEFT_OUT: readonly { readonly route: RegExp; readonly why: string }[] = [
  { route: /^GET \/([a-z0-9-]+\.(html|js|css|svg))?$/, why: 'the console’s files' },
  {
    route: /^(GET|POST) \/v1\/shapes\/\{name\}$/,
    why: 'named shapes speak the protocol of Electric, whose own document describes them',
  },
  {
    route: /^(GET|POST|DELETE|OPTIONS) \/v1\/shape$|^GET \/v1\/health$/,
    why: 'free-form shapes, under --insecure-shapes alone: the same protocol',
  },
]

let stage: ApiStage
let shapes: CentreShapes
let described: OpenApi
beforeAll(async () => {
  stage = await apiStage()
  const { db, clock } = stage
  const log = openLog({ part: 'centre', clock, json: false, write: () => undefined })
  shapes = await openCentreShapes(
    { databaseUrl: null, pollMs: 1_000, chunkBytes: 65_536 },
    { db, clock, log, tenant, deviceOf: async () => await Promise.resolve(null), electric: null },
  )
  described = (await stage.call('/api/openapi.json', { role: null })).body as unknown as OpenApi
})
afterAll(async () => {
  await shapes.close()
  await stage.close()
})

describe('the route table', () => {
  const documented = (): readonly string[] =>
    Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
  const served = (app: Hono = stage.app): readonly string[] => [
    ...routesOf(app),
    ...routesOf(shapes.named.app),
    ...(shapes.freeForm === null ? [] : routesOf(shapes.freeForm)),
  ]
  const isLeftOut = (route: string): boolean => LEFT_OUT.some((one) => one.route.test(route))

  it('holds nothing that is not described, but for what is named here with its reason', () => {
    const known = new Set(documented())
    expect(served().filter((route) => !known.has(route) && !isLeftOut(route))).toEqual([])
  })

  it('holds all that is described, each once, and each thing that was left out', () => {
    const there = served()
    expect(documented().filter((route) => !there.includes(route))).toEqual([])
    expect(there.filter((route, index) => there.indexOf(route) !== index)).toEqual([])
    for (const { route, why } of LEFT_OUT)
      expect(
        there.some((one) => route.test(one)),
        why,
      ).toBe(true)
    expect(documented().filter(isLeftOut)).toEqual([])
  })

  it('would show a call that nobody described', () => {
    const app = new Hono().route('/', stage.app)
    app.get('/api/undescribed/:id', (context) => context.json({}))
    const known = new Set(documented())
    expect(served(app).filter((route) => !known.has(route) && !isLeftOut(route))).toEqual([
      'GET /api/undescribed/{id}',
    ])
  })
})

describe('the structure of the document', () => {
  it('keeps the rules of OpenAPI 3.1', () => {
    expect(documentFaults(described)).toEqual([])
  })

  it.each<[string, (document: Broken) => void]>([
    ['operationId', ({ operation }) => (operation['operationId'] = 'getHealth')],
    ['path parameter', ({ operation }) => (operation['parameters'] = [])],
    ['responses', ({ operation }) => (operation['responses'] = {})],
    ['description', ({ operation }) => (operation['responses'] = { 200: {} })],
    ['status', ({ operation }) => (operation['responses'] = { ok: { description: 'done' } })],
    ['$ref', ({ operation }) => (operation['responses'] = { 200: ref('#/components/schemas/Nobody') })],
    ['security', ({ operation }) => (operation['security'] = [{ nobody: [] }])],
    ['path', ({ paths }) => (paths['nowhere'] = {})],
    ['same path', ({ paths }) => (paths['/api/devices/{other}/revoke'] = {})],
  ])('would not with a wrong %s', (word, breakIt) => {
    const copy = structuredClone(described) as unknown as {
      paths: Record<string, Record<string, Record<string, unknown>>>
    }
    const operation = copy.paths['/api/devices/{id}/revoke']?.['post'] ?? {}
    breakIt({ paths: copy.paths, operation })
    expect(documentFaults(copy as unknown as OpenApi).join('\n')).toContain(word)
  })
})

type Broken = { readonly paths: Record<string, unknown>; readonly operation: Record<string, unknown> }

function ref(to: string): JsonObject {
  return { description: 'done', content: { 'application/json': { schema: { $ref: to } } } }
}

/** `GET /api/devices/{id}`. Middleware is no route: of every path, or the limit of a shape's body. */
function routesOf(app: Hono): readonly string[] {
  return app.routes
    .filter(({ method, path }) => !(method === 'ALL' && /\*$|^\/v1\/shape/.test(path)))
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
}
