/** The API's document against the API: every declared call is made for real, and what it answers is held against its schema. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signApproval } from '../../../rollout/campaign/approval.ts'
import type { RowOf } from '../../../shared/context/tables.ts'
import { makeUserKey } from '../../../shared/fabric/credentials.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { RELEASE_APPROVAL_TYPE, signStatement } from '../../../shared/wire/approval.ts'
import { proofBytes, type EnrolRequest } from '../../../shared/wire/enrolment.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'
import { apiStage, type ApiStage } from '../api-stage.ts'
import { publishRelease, releaseForm } from '../registry/published.ts'
import { acts } from './acts.ts'
import { schemaFault } from './json-schema.ts'

type Schemas = Readonly<Record<string, { readonly schema: JsonObject }>>
type Operation = {
  readonly summary: string
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly security?: readonly []
  readonly requestBody?: { readonly content: Schemas }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Schemas }>>
}
type Document = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Refusal: JsonObject } }
}
type Wish = { readonly path: string; readonly body?: object; readonly as?: string; readonly role?: null }

/** What a device that made its own keys sends. */
function enrolmentOf(token: string): EnrolRequest {
  const key = generateKeyPair()
  const claim = {
    v: 1 as const,
    token,
    device: 'pump-1',
    site: 'north',
    publicKey: key.publicKey.text,
    userKey: makeUserKey().publicKey,
    leafKey: makeUserKey().publicKey,
  }
  return { claim, proof: Buffer.from(key.sign(proofBytes(claim))).toString('base64') }
}

/** A conflict and a rejected write, as the centre keeps them. */
async function conflictsAt({ db }: ApiStage): Promise<void> {
  const by = { device: 'alpha', person: 'amara', at: '2026-01-01T00:00:00.000Z' }
  const about = { table: 'asset', key: 'a1' }
  const conflict: RowOf<'write_conflict'> = {
    ...about,
    field: 'name',
    policy: 'person',
    status: 'open',
    base: { name: 'Pump' },
    ours: { name: 'Pump 1' },
    theirs: { name: 'Pump 2' },
    oursBy: by,
    theirsBy: { ...by, device: null },
    choice: null,
    settledBy: null,
    settledAt: null,
  }
  const rejected: RowOf<'write_result'> = {
    ...about,
    outcome: 'rejected',
    code: 'scope',
    reason: 'elsewhere',
    rowVersion: 1,
  }
  const rows = Object.entries({ write_conflict: conflict, write_result: rejected })
  for (const [index, [table, body]] of rows.entries())
    await db.query(
      `insert into ops.row (tenant, tbl, key, version, body, columns)
       values ('acme', $1, 'w.name', $2, $3::text::jsonb, '{}')`,
      [table, 1_000 + index, JSON.stringify(body)],
    )
}

describe('the OpenAPI document', () => {
  let stage: ApiStage
  let described: Document
  let device: Governed
  const ada = generateKeyPair()
  const called = new Set<string>()
  beforeAll(async () => {
    stage = await apiStage()
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishRelease(stage, 'speech', version)
    device = await governed({ origin: 'alpha' })
    for (const action of ['note.record', 'safety.override'])
      await device.kernel.admit(acts(action), technicianAsks(action, {}))
    described = (await stage.call('/api/openapi.json', { role: null })).body as unknown as Document
  })
  afterAll(async () => {
    await device.close()
    await stage.close()
  })

  /** Makes the call, and holds request, status and answer against what is declared for it. */
  const conforming = async (
    method: string,
    template: string,
    { path, body, as, role }: Wish,
  ): Promise<JsonObject> => {
    const operation = described.paths[template]?.[method]
    if (operation === undefined) throw new Error(`${method} ${template} is not described`)
    called.add(`${method} ${template}`)
    const declared = operation.requestBody?.content['application/json']?.schema
    if (body !== undefined && !(body instanceof FormData))
      expect(schemaFault(declared ?? {}, body), `request of ${template}`).toBeNull()
    const answer = await stage.call(path, {
      method: method.toUpperCase(),
      ...(body === undefined ? {} : { body }),
      ...(as === undefined ? {} : { as }),
      ...(role === undefined ? {} : { role }),
    })
    const response = operation.responses[String(answer.status)]
    expect(response, `${method} ${path} answered ${answer.status}: ${answer.text}`).toBeDefined()
    const schema = response?.content['application/json']?.schema ?? {}
    const refusal = described.components.schemas.Refusal
    expect(schemaFault('$ref' in schema ? refusal : schema, answer.body), `answer of ${template}`).toBeNull()
    return answer.body
  }

  it('is of version 3.1, with an id and a summary for each call and every parameter of its path', () => {
    expect(described.openapi).toBe('3.1.0')
    const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, operation })),
    )
    expect(operations.length).toBeGreaterThan(18)
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
    for (const { path, operation } of operations) {
      expect(operation.summary.length, path).toBeGreaterThan(10)
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named)
    }
  })

  const governanceAndDevices = async (): Promise<void> => {
    for (const path of ['/api/health', '/api/ready', '/api/openapi.json'])
      await conforming('get', path, { path, role: null })
    for (const body of [
      new FormData(),
      releaseForm('intent', '1.0.0', { held: true }),
      releaseForm('intent', '1.0.0', { held: true }),
    ])
      await conforming('post', '/api/releases', { path: '/api/releases', body })
    for (const path of ['/api/releases', '/api/gaps', '/api/journal']) await conforming('get', path, { path })
    const release = '/api/releases/{name}/{version}'
    const origin = await conforming('get', release, { path: '/api/releases/speech/1.1.0' })
    const digest = origin['envelopeSha256'] as string
    await conforming('get', release, { path: '/api/releases/speech/9.9.9' })
    await conforming('get', '/api/lineage/{digest}', { path: `/api/lineage/${digest}` })
    await conforming('get', '/api/context/{table}', { path: '/api/context/asset' })
    await conforming('get', '/api/context/{table}', { path: '/api/context/teapots' })
    await conflictsAt(stage)
    await conforming('get', '/api/conflicts', { path: '/api/conflicts' })
    const settle = { path: '/api/conflicts/none', body: { take: 'ours' } }
    await conforming('post', '/api/conflicts/{id}', settle)
    const made = await conforming('post', '/api/tokens', {
      path: '/api/tokens',
      body: { device: 'pump-1', site: 'north' },
    })
    const request = { path: '/api/enrol', body: enrolmentOf(made['token'] as string), role: null }
    await conforming('post', '/api/enrol', request)
    await conforming('post', '/api/enrol', request)
    await stage.take(device)
    await stage.db.query(
      `insert into ingest.quarantine (tenant, digest, subject, reason, message, size_bytes)
       values ('acme', 'd', 's', 'malformed', 'it is not JSON', 3)`,
    )
    await stage.db.query(
      `insert into ingest.gap (tenant, device, from_seq, to_seq, reason, record_id)
       values ('acme', 'alpha', 900, 901, 'lost', 'r')`,
    )
    for (const path of ['/api/devices', '/api/quarantine', '/api/gaps'])
      await conforming('get', path, { path })
    const chosen = { path: '/api/devices/pump-1/desired', body: { name: 'speech', version: null } }
    await conforming('put', '/api/devices/{id}/desired', chosen)
    const { records } = await conforming('get', '/api/records', { path: '/api/records?device=alpha' })
    for (const { id } of records as { id: string }[])
      await conforming('get', '/api/records/{id}', { path: `/api/records/${id}` })
    await conforming('get', '/api/records', { path: '/api/records?verdict=maybe' })
    await conforming('get', '/api/verification/centre', { path: '/api/verification/centre' })
    for (const name of ['alpha', 'nobody'])
      await conforming('get', '/api/verification/{device}', { path: `/api/verification/${name}` })
    for (const name of ['pump-1', 'nobody'])
      await conforming('post', '/api/devices/{id}/revoke', { path: `/api/devices/${name}/revoke` })
    await linesAndPages()
  }

  /** Answers that are no JSON document. */
  const linesAndPages = async (): Promise<void> => {
    const exported = described.paths['/api/export/{device}']?.['get']?.responses['200']?.content
    const { text } = await stage.call('/api/export/alpha')
    const kinds = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string })
    for (const line of kinds)
      expect(schemaFault(exported?.['application/x-ndjson']?.schema ?? {}, line)).toBeNull()
    expect(new Set(kinds.map(({ kind }) => kind))).toEqual(new Set(['journal', 'record', 'seal', 'gap']))
    called.add('get /api/export/{device}')
    expect((await stage.call('/metrics', { role: null })).headers.get('content-type')).toContain('text/plain')
    called.add('get /metrics')
    const session = '/console/session'
    for (const token of ['none', await stage.token()])
      await conforming('post', session, { path: session, body: { token }, role: null })
    await conforming('delete', session, { path: session, role: null })
  }

  it('says what every call takes and answers, done and refused', async () => {
    const release = { name: 'speech', version: '1.1.0' }
    const speech = '/api/registry/speech'
    await conforming('get', '/api/keys', { path: '/api/keys' })
    const person = { person: 'ada', publicKey: ada.publicKey.text }
    await conforming('post', '/api/approvers', { path: '/api/approvers', body: person })
    await conforming('post', '/api/approvers', { path: '/api/approvers', body: person })
    await conforming('get', '/api/approvers', { path: '/api/approvers' })
    await conforming('post', '/api/access', {
      path: '/api/access',
      body: { person: 'bob', role: 'governance' },
    })
    await conforming('get', '/api/me', { path: '/api/me' })
    const { policy } = await conforming('get', '/api/policy', { path: '/api/policy' })
    const document = { ...(policy as JsonObject), version: 2 }
    await conforming('put', '/api/policy', { path: '/api/policy', body: { document } })
    await conforming('put', '/api/policy', { path: '/api/policy', body: { document } })
    await conforming('get', '/api/policy/status', { path: '/api/policy/status' })
    await conforming('get', '/api/fleet', { path: '/api/fleet?find=device&state=parked&limit=10' })
    await conforming('get', '/api/registry', { path: '/api/registry' })
    await conforming('get', '/api/registry/{name}', { path: speech })
    await conforming('get', '/api/registry/{name}', { path: '/api/registry/nothing' })
    const shown = await conforming('get', '/api/registry/{name}/{version}', { path: `${speech}/1.1.0` })
    await conforming('get', '/api/registry/{name}/{version}', { path: `${speech}/9.9.9` })
    const said = {
      v: 1,
      ...release,
      envelopeSha256: shown['envelopeSha256'] as string,
      environment: 'development',
    } as const
    const signed = signStatement(
      RELEASE_APPROVAL_TYPE,
      { ...said, person: 'ada', at: new Date(0).toISOString() },
      ada,
    )
    const approvals = '/api/registry/{name}/{version}/approvals'
    await conforming('post', approvals, { path: `${speech}/1.1.0/approvals`, body: { envelope: signed } })
    await conforming('post', approvals, { path: `${speech}/1.2.0/approvals`, body: { envelope: signed } })
    const tags = '/api/registry/{name}/{version}/tags'
    await conforming('post', tags, { path: `${speech}/1.1.0/tags`, body: { tag: 'spring' } })
    await conforming('post', tags, { path: `${speech}/1.1.0/tags`, body: { tag: 'No Tag' } })
    const alias = '/api/registry/{name}/aliases/{alias}'
    await conforming('put', alias, {
      path: `${speech}/aliases/canary`,
      body: { version: '1.1.0', expected: null },
    })
    await conforming('put', alias, {
      path: `${speech}/aliases/canary`,
      body: { version: '1.2.0', expected: null },
    })
    await conforming('get', '/api/registry/{name}/aliases', { path: `${speech}/aliases` })
    const chain = '/api/registry/{name}/aliases/{alias}/chain'
    await conforming('get', chain, { path: `${speech}/aliases/canary/chain` })
    await conforming('get', chain, { path: `${speech}/aliases/none/chain` })
    const retire = '/api/registry/{name}/{version}/retire'
    await conforming('post', retire, { path: `${speech}/1.1.0/retire`, body: { reason: 'named' } })
    const spring = { campaign: 'spring', bundle: 'speech', version: '1.2.0' }
    const { planDigest } = await conforming('post', '/api/rollouts', { path: '/api/rollouts', body: spring })
    await conforming('post', '/api/rollouts', { path: '/api/rollouts', body: spring })
    await conforming('get', '/api/rollouts', { path: '/api/rollouts' })
    await conforming('get', '/api/rollouts/{campaign}', { path: '/api/rollouts/nobody' })
    const envelope = signApproval({ campaign: 'spring', planDigest: planDigest as string }, ada)
    const approve = { path: '/api/rollouts/spring/approve', body: { envelope } }
    await conforming('post', '/api/rollouts/{campaign}/approve', approve)
    await conforming('post', '/api/rollouts/{campaign}/approve', approve)
    await stage.conductor.tick('spring')
    await conforming('get', '/api/rollouts/{campaign}', { path: '/api/rollouts/spring' })
    await conforming('get', '/api/rollouts/{campaign}/explanation', {
      path: '/api/rollouts/spring/explanation',
    })
    await conforming('get', '/api/rollouts/{campaign}/evidence', { path: '/api/rollouts/spring/evidence' })
    const devices = '/api/rollouts/{campaign}/devices'
    await conforming('get', devices, { path: '/api/rollouts/spring/devices?ring=canary&stage=waiting' })
    await conforming('get', devices, { path: '/api/rollouts/spring/devices?stage=nowhere' })
    await conforming('post', '/api/rollouts/{campaign}/promote', {
      path: '/api/rollouts/spring/promote',
      body: { envelope },
    })
    for (const word of ['pause', 'resume', 'halt', 'resume', 'cancel', 'cancel'])
      await conforming('post', `/api/rollouts/{campaign}/${word}`, {
        path: `/api/rollouts/spring/${word}`,
        body: { reason: 'for a test' },
      })
    const watch = await stage.call('/api/rollouts/spring/watch')
    expect(watch.headers.get('content-type')).toContain('text/event-stream')
    const data = JSON.parse(watch.text.replace(/^event: change\ndata: /, '')) as JsonObject
    const streamed = described.paths['/api/rollouts/{campaign}/watch']?.['get']
    expect(
      schemaFault(streamed?.responses['200']?.content['text/event-stream']?.schema ?? {}, data),
    ).toBeNull()
    called.add('get /api/rollouts/{campaign}/watch')
    const repository = '/api/repositories/{repository}'
    await conforming('get', '/api/repositories', { path: '/api/repositories' })
    await conforming('get', '/api/repositories/image/due', { path: '/api/repositories/image/due' })
    const served = await conforming('get', `${repository}/files`, {
      path: '/api/repositories/director/files',
    })
    const [root] = served['files'] as { bytes: string }[]
    const files = [root?.bytes ?? '']
    await conforming('post', repository, { path: '/api/repositories/director', body: { files } })
    await conforming('post', repository, { path: '/api/repositories/image', body: { files } })
    const key = { path: '/api/repositories/image/keys' }
    await conforming('post', `${repository}/keys`, { ...key, body: { role: 'timestamp', renew: true } })
    await conforming('post', `${repository}/keys`, { ...key, body: { role: 'root', renew: true } })
    await governanceAndDevices()
    await conforming('delete', '/api/approvers/{keyId}', { path: `/api/approvers/${ada.publicKey.id}` })
    const all = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect([...called].toSorted()).toEqual(all.toSorted())
  })

  it('describes no call that is not there, and is itself open to whoever wants to learn', async () => {
    expect((await stage.call('/api/openapi.json', { role: null })).status).toBe(200)
    for (const [path, methods] of Object.entries(described.paths))
      for (const [method, operation] of Object.entries(methods)) {
        const real = path
          .replace('{keyId}', 'f'.repeat(64))
          .replace('{version}', '0.0.1')
          .replace(/\{\w+\}/g, 'x')
        const answer = await stage.call(real, { method: method.toUpperCase(), role: null })
        if (operation.security === undefined) expect([path, answer.status]).toEqual([path, 401])
        else expect([path, answer.status]).not.toEqual([path, 404])
      }
  })
})
