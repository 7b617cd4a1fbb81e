import { describe, expect, it } from 'vitest'
import { localApi, type LocalApiParts } from '../../../edge-agent/local-api/routes.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { Understood } from '../../../edge-agent/turn/model-calls.ts'
import type { TurnResult } from '../../../edge-agent/turn/result.ts'

class NotAWav extends StarlingError {
  override readonly code = 'not_a_wav'
}
const CONTEXT = {
  lsn: '7',
  refusal: null,
  lag: 0,
  writes: { pending: 0, rejected: 0, conflicts: 0 },
  syncedAt: null,
  stalenessMs: null,
}
const parts: LocalApiParts = {
  takeTurn: async () => ({ turn: 'one' }) as unknown as TurnResult,
  readAudio: (bytes) => {
    if (bytes[0] !== 82) throw new NotAWav('this is not a WAV file', { remedy: 'Send RIFF/WAVE.' })
    return { kind: 'wav', sampleRateHz: 16_000, warnings: [], blocks: (async function* none() {})() }
  },
  transcribe: async () => {
    throw new NotAWav('never asked for here', { remedy: 'None.' })
  },
  understand: async (text) => ({ intent: text }) as unknown as Understood,
  recentTurns: async () => [],
  records: { list: async (limit) => [limit], show: async () => null, verify: async () => ({ holds: true }) },
  status: async () => {
    throw new Error('disk on fire')
  },
  speech: {
    consent: async () => ({ given: false, by: null, at: null }),
    agree: async (given) => ({ given, by: 'amara', at: null }),
    recordings: async () => [],
    damaged: async () => [],
    forget: async () => 2,
  },
  context: {
    staleness: () => ({ syncedAt: '2026-06-01T00:00:00.000Z', stalenessMs: 1_234 }),
    status: async () => ({ ...CONTEXT, tables: [], vectors: [] }),
    resync: async (tables) => ({ ...CONTEXT, lsn: tables.join(), tables: [], vectors: [] }),
    verify: async (tables) =>
      tables.map((table) => ({
        table,
        holds: table !== 'part',
        lsn: '7',
        device: { rows: 1, sha256: 'a' },
        centre: { rows: 1, sha256: 'a' },
      })),
  },
  writes: {
    show: async () => ({
      syncedAt: null,
      stalenessMs: null,
      conflicts: [],
      rejected: [],
      dropped: 0,
      pending: [],
    }),
    settle: async (id, take) => ({ id, take }),
    decide: async () => {
      throw new NotAWav('there is no such change', { remedy: 'None.' })
    },
  },
  questions: {
    search: async ({ words, limit }) => {
      throw new NotAWav(`asked for ${limit} of ${words}`, { remedy: 'None.' })
    },
    query: async ({ hops }) => ({
      kind: 'rows',
      rows: [],
      truncated: hops !== null,
      staleness: { syncedAt: null, stalenessMs: null, indexedAt: null },
    }),
  },
  metrics: async () => '',
  pageDir: new URL('../../../edge-agent/page/', import.meta.url),
}
const app = localApi(parts)
const call = (
  path: string,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
) => app.request(path, { ...init, headers: { host: '127.0.0.1:7500', ...init.headers } })

describe('the local API', () => {
  it('serves the page and each file that the page names', async () => {
    const html = await (await call('/')).text()
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => `/${match[1] ?? ''}`)
    expect(named.length).toBeGreaterThan(1)
    for (const path of named) expect((await call(path)).status).toBe(200)
  })

  it('takes questions to the context, and refuses what is none', async () => {
    const ask = async (path: string, body: object) =>
      await call(`/v1/context/${path}`, { method: 'POST', body: JSON.stringify(body) })
    expect(await (await ask('search', { words: 'seal' })).json()).toMatchObject({
      message: 'asked for 10 of seal',
    })
    expect(await (await ask('query', { of: 'asset' })).json()).toMatchObject({ truncated: false })
    expect((await ask('query', { table: 'asset' })).status).toBe(422)
    expect((await ask('search', { words: 'x'.repeat(20_000) })).status).toBe(413)
  })

  it('refuses a rebound host name and a foreign origin', async () => {
    expect((await call('/v1/turns', { headers: { host: 'evil.example:7500' } })).status).toBe(403)
    expect((await call('/v1/turns', { headers: { origin: 'http://evil.example' } })).status).toBe(403)
    expect((await call('/v1/turns', { headers: { origin: 'http://127.0.0.1:7500' } })).status).toBe(200)
  })

  it('says with every answer how old the context may be', async () => {
    for (const path of ['/', '/v1/turns', '/v1/context', '/nothing'])
      expect((await call(path)).headers.get('starling-context-staleness-ms')).toBe('1234')
  })

  it('fetches and compares the tables that are named, or all; knows no others', async () => {
    const post = async (path: string, body: string) =>
      await call(`/v1/context/${path}`, { method: 'POST', body })
    expect(await (await post('resync', '{"tables":["part","note"]}')).json()).toMatchObject({
      lsn: 'part,note',
    })
    const all = (await (await post('verify', '{}')).json()) as { holds: boolean; tables: unknown[] }
    expect([all.holds, all.tables.length > 10]).toEqual([false, true])
    expect(await (await post('verify', '{"tables":["note"]}')).json()).toMatchObject({
      holds: true,
      stalenessMs: 1_234,
    })
    for (const bad of ['', '{"tables":["secrets"]}', '{"tables":["part"],"where":"true"}'])
      expect((await post('verify', bad)).status, bad).toBe(422)
  })

  it('answers what is not a WAV file with the typed error', async () => {
    const answer = await call('/v1/turns', { method: 'POST', body: 'MP3' })
    expect(answer.status).toBe(422)
    expect(await answer.json()).toMatchObject({ code: 'not_a_wav', remedy: 'Send RIFF/WAVE.' })
    expect((await call('/v1/turns', { method: 'POST', body: 'RIFF' })).status).toBe(200)
  })

  it('takes a sentence as JSON and refuses anything else', async () => {
    const understand = async (body: string) => call('/v1/understand', { method: 'POST', body })
    expect(await (await understand('{"text":"next step"}')).json()).toEqual({ intent: 'next step' })
    for (const bad of ['next step', '{}', '{"text":1}']) expect((await understand(bad)).status).toBe(422)
    expect((await understand(JSON.stringify({ text: 'a'.repeat(20_000) }))).status).toBe(413)
  })

  it('shows records, and says so when there is no such one', async () => {
    expect(await (await call('/v1/records?limit=7')).json()).toEqual({ records: [7] })
    expect(await (await call('/v1/records/verification')).json()).toEqual({ holds: true })
    expect((await call('/v1/records/none')).status).toBe(404)
  })

  it('takes consent and forgetting as JSON, and nothing else', async () => {
    const post = async (path: string, body: string) =>
      await call(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect(await (await call('/v1/speech')).json()).toMatchObject({ consent: { given: false } })
    expect((await post('/v1/speech/consent', '{"given":true}')).status).toBe(200)
    expect((await post('/v1/speech/consent', '{"given":"perhaps"}')).status).toBe(422)
    expect(await (await post('/v1/speech/forget', '{}')).json()).toEqual({ forgotten: 2 })
  })

  it('says internal to a fault of its own, and not_found to an unknown path', async () => {
    const answer = await call('/v1/status')
    expect(answer.status).toBe(500)
    expect(await answer.json()).toMatchObject({ code: 'internal' })
    expect((await call('/../package.json')).status).toBe(404)
  })
})
