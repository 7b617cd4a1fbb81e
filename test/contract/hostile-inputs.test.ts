/**
 * Ten thousand inputs, most of them broken, at each place where something comes in: what does not keep its contract is set aside, counted
 * and can be seen, and nothing of it reaches a model.
 */
import fc from 'fast-check'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { INGEST_SCHEMA } from '../../control-plane/ingest/schema.ts'
import { processBatch } from '../../control-plane/ingest/batch.ts'
import { readAnswer } from '../../edge-agent/context/shape/answer.ts'
import { openTalk } from '../../edge-agent/local-api/talk.ts'
import type { Ears, Heard, Meaning, Mind } from '../../edge-agent/turn/ports.ts'
import {
  SoundSchema,
  transcribePerformer,
  understandPerformer,
  UtteranceSchema,
} from '../../edge-agent/turn/model-performers.ts'
import type { TurnResult } from '../../edge-agent/turn/result.ts'
import { wavSource } from '../../edge-agent/turn/wav-source.ts'
import { parseDeviceId, parseSha256Hex, parseTenantId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import { governed, technicianAsks, type Governed } from '../support/governed.ts'
import { spoken } from '../support/sounds.ts'

const SEED = 20_260_601
/** Together ten thousand. */
const CASES = {
  utterances: 1_500,
  sounds: 500,
  talks: 2_000,
  files: 2_000,
  segments: 2_000,
  answers: 2_000,
} as const

const model = {
  name: 'counted',
  digest: parseSha256Hex('ab'.repeat(32)),
  provider: 'cpu',
  traits: { class: 'intent', licence: 'Apache-2.0', residency: 'device', source: 'released' },
} as const

/** What came to a model. */
const reached = { utterances: [] as unknown[], sounds: 0, samples: [] as Float32Array[] }
const mind: Mind = {
  model,
  phraseOf: (intent) => intent,
  thresholdsOf: () => ({ act: null, ask: null }),
  understand: async (utterance) => {
    reached.utterances.push(utterance)
    return await Promise.resolve(MEANT)
  },
}
const ears: Ears = {
  model,
  listen: async (audio) => {
    reached.sounds += 1
    for await (const block of audio.blocks) reached.samples.push(block)
    return HEARD
  },
}
const MEANT: Meaning = {
  intent: 'cancel',
  confidence: 1,
  slots: {},
  spans: {},
  missing: [],
  effectful: false,
  route: 'grammar',
  further: [],
  amends: false,
  text: '',
  runtimeMs: 0,
}
const HEARD: Heard = {
  kind: 'nothing',
  text: '',
  confidence: 0,
  alternatives: [],
  audioMs: 0,
  finishMs: 0,
  runtimeMs: 0,
}

let at: Governed
beforeAll(async () => {
  at = await governed()
  at.follow({ budget: { effects: 100_000, windowS: 3_600 } })
  await at.db.script(INGEST_SCHEMA)
})
afterAll(async () => await at.close())

/** A good value with one part of it gone, another, or more than it should be. */
function brokenOf(good: JsonObject): fc.Arbitrary<JsonObject> {
  const names = Object.keys(good)
  const anything = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonObject[string]>
  return fc.oneof(
    fc
      .constantFrom(...names)
      .map((gone) => Object.fromEntries(Object.entries(good).filter(([name]) => name !== gone))),
    fc.tuple(fc.constantFrom(...names), anything).map(([name, value]) => ({ ...good, [name]: value })),
    fc.tuple(fc.string({ minLength: 1 }), anything).map(([name, value]) => ({ ...good, [name]: value })),
    fc.dictionary(fc.string(), anything, { maxKeys: 4 }),
    fc.constant(good),
  )
}
const sample = <T>(cases: fc.Arbitrary<T>, count: number): readonly T[] =>
  fc.sample(cases, { seed: SEED, numRuns: count })

const refusedSoFar = (action: string): number =>
  Number(
    new RegExp(`^starling_inputs_refused_total\\{action="${action}"\\} (\\d+)$`, 'm').exec(
      at.metrics.render(),
    )?.[1] ?? 0,
  )

describe('inputs that break their contract', { timeout: 120_000 }, () => {
  it('of the model that understands: none reaches it, each is in the journal and counted', async () => {
    const good = {
      text: 'open work order seven',
      confidence: 0.9,
      alternatives: [],
      before: null,
      context: null,
    }
    let refused = 0
    for (const input of sample(brokenOf(good), CASES.utterances)) {
      const before = reached.utterances.length
      const answer = await at.kernel.admit(
        understandPerformer(mind),
        technicianAsks('model.understand', input as never),
      )
      const isGood = v.is(UtteranceSchema, input)
      expect(reached.utterances.length - before, JSON.stringify(input)).toBe(isGood ? 1 : 0)
      if (isGood) continue
      refused += 1
      expect(answer).toMatchObject({ kind: 'failed', code: 'input_refused' })
    }
    expect(refused).toBeGreaterThan(CASES.utterances / 3)
    expect(reached.utterances.every((utterance) => v.is(UtteranceSchema, utterance))).toBe(true)
    expect(refusedSoFar('model.understand')).toBe(refused)
    const [kept] = await at.db.query<{ n: number }>(
      `select count(*) as n from journal.record where kind = 'outcome' and text like '%"code":"input_refused"%'`,
    )
    expect(kept?.n).toBe(refused)
  })

  it('of the model that hears: none reaches it', async () => {
    async function* silence(): AsyncGenerator<Float32Array> {
      yield await Promise.resolve(new Float32Array(8))
    }
    let refused = 0
    for (const input of sample(brokenOf({ source: 'wav', sampleRateHz: 16_000 }), CASES.sounds)) {
      const before = reached.sounds
      const audio = { kind: 'wav' as const, sampleRateHz: 16_000, warnings: [], blocks: silence() }
      await at.kernel.admit(
        transcribePerformer(ears, audio, () => undefined),
        technicianAsks('model.transcribe', input),
      )
      const isGood = v.is(SoundSchema, input)
      expect(reached.sounds - before, JSON.stringify(input)).toBe(isGood ? 1 : 0)
      refused += isGood ? 0 : 1
    }
    expect(refused).toBeGreaterThan(CASES.sounds / 3)
    expect(refusedSoFar('model.transcribe')).toBe(refused)
  })

  it('of the page: what it sends is sound of a known rate, or an error that it is told', async () => {
    const open = JSON.stringify({ kind: 'open', sampleRateHz: 16_000 })
    const message = fc.oneof(
      fc.constant(open),
      fc.constant('{"kind":"finish"}'),
      brokenOf({ kind: 'open', sampleRateHz: 16_000 }).map((broken) => JSON.stringify(broken)),
      fc.string(),
      fc.uint8Array({ maxLength: 64 }),
      fc.jsonValue(),
    )
    let told = 0
    for (const messages of sample(fc.array(message, { maxLength: 5 }), CASES.talks)) {
      const rates: number[] = []
      const sent: { kind: string }[] = []
      const talk = openTalk(
        async (audio) => {
          rates.push(audio.sampleRateHz)
          for await (const block of audio.blocks) reached.samples.push(block)
          return {} as TurnResult
        },
        (told_) => sent.push(told_),
      )
      for (const one of messages) talk.receive(one)
      talk.abandon()
      expect(rates.every((rate) => v.is(SoundSchema, { source: 'microphone', sampleRateHz: rate }))).toBe(
        true,
      )
      told += sent.filter(({ kind }) => kind === 'error').length
    }
    expect(told).toBeGreaterThan(CASES.talks / 3)
  })

  it('of files: what is read of one is sound, or it is refused by name', async () => {
    const wav = Buffer.from(spoken('yes')).subarray(0, 4_000)
    const place = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: wav.length - 1 }))
    const damaged = fc
      .tuple(
        fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
        fc.integer({ min: 0, max: wav.length }),
      )
      .map(([edits, length]) => {
        const bytes = Buffer.from(wav.subarray(0, length))
        for (const [index, value] of edits) if (index < bytes.length) bytes[index] = value
        return bytes
      })
    let refused = 0
    for (const bytes of sample(damaged, CASES.files)) {
      try {
        const { sampleRateHz, kind, blocks } = wavSource(bytes)
        expect(v.is(SoundSchema, { source: kind, sampleRateHz })).toBe(true)
        for await (const block of blocks) reached.samples.push(block)
      } catch (thrown) {
        expect(thrown).toMatchObject({
          code: expect.any(String) as string,
          remedy: expect.any(String) as string,
        })
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(CASES.files / 10)
    // Everything that would have come to the recogniser is sound: numbers from -1 to 1.
    expect(reached.samples.every((block) => block.every((value) => Math.abs(value) <= 1))).toBe(true)
  })

  it('of the centre: each segment that is none is set aside, and stores nothing', async () => {
    const tenant = parseTenantId('acme')
    const device = parseDeviceId('van-1')
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Buffer.concat([Buffer.from('SLS1'), rest])),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    )
    const messages = sample(bytes, CASES.segments)
    let position = 0
    for (let from = 0; from < messages.length; from += 100) {
      const batch = messages.slice(from, from + 100).map((one) => {
        position += 1
        return { seq: position, bytes: one, subject: subjects.up(tenant, device), device }
      })
      const outcomes = await at.db.transaction(
        async (tx) =>
          await processBatch(tx, {
            tenant,
            batch,
            known: new Map(),
            created: 'now',
            hopeless: new Set(),
            applyWrite: async () => await Promise.reject(new Error('nothing is to be applied')),
          }),
      )
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['quarantined']))
    }
    // The newest are kept to be looked at.
    const [kept] = await at.db.query<{ kinds: number }>('select count(*) as kinds from ingest.quarantine')
    expect(kept?.kinds).toBe(1_000)
    expect(await at.db.query('select 1 from ingest.record')).toEqual([])
  })

  it('of the context: an answer that is not whole tells nothing', () => {
    const good = {
      headers: { operation: 'insert', lsn: '7', op_position: 0, last: true },
      key: '"ops"."row"/"a"',
      value: { key: 'a', body: '{}' },
    }
    const header = fc.option(fc.constantFrom('h-1', '', '0_0', '7_0', 'x'))
    const answer = fc.record({
      status: fc.constantFrom(200, 200, 200, 204, 400, 403, 409, 500),
      handle: header,
      offset: header,
      schema: header,
      body: fc.oneof(
        fc
          .array(fc.oneof(brokenOf(good), fc.jsonValue()), { maxLength: 4 })
          .map((list) => JSON.stringify(list)),
        fc.string(),
        fc.constant(JSON.stringify([good])),
      ),
    })
    let taken = 0
    for (const { status, body, ...headers } of sample(answer, CASES.answers)) {
      const by: Readonly<Record<string, string | null>> = {
        'electric-handle': headers.handle,
        'electric-offset': headers.offset,
        'electric-schema': headers.schema,
      }
      const read = readAnswer(
        { status, headers: { get: (name) => by[name] ?? null }, body },
        { isLive: false },
      )
      if (read.kind !== 'log') continue
      taken += 1
      expect(status).toBe(200)
      for (const { value, at: place } of read.operations) {
        expect(Object.values(value).every((text) => text === null || typeof text === 'string')).toBe(true)
        expect(place === null || place.op >= 0n).toBe(true)
      }
    }
    expect(taken).toBeGreaterThan(0)
  })
})
