/** Turns on the real kernel, memory, actions and understanding; only the microphone is a script. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldAction } from '../../../edge-agent/actions/field-actions.ts'
import type { WishBefore } from '../../../edge-agent/intent/amend.ts'
import type { Wish } from '../../../edge-agent/intent/wish.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { inboxPerformer } from '../../../edge-agent/actions/people.ts'
import { migrate } from '../../../edge-agent/agent/migrations.ts'
import { contextPack } from '../../../edge-agent/context/pack.ts'
import { openEmbedders, type DeviceEmbedders } from '../../../edge-agent/embedding/shelf.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openLocalWrites } from '../../../edge-agent/context/local-writes.ts'
import { listInbox } from '../../../edge-agent/context/reads.ts'
import type { IntentThresholds } from '../../../edge-agent/grammar/domain.ts'
import { memoryReadPerformer, memoryWritePerformer, recall } from '../../../edge-agent/memory/turn-memory.ts'
import { conductTurn, type TurnParts } from '../../../edge-agent/turn/conduct.ts'
import type { AudioSource, Heard, Meaning } from '../../../edge-agent/turn/ports.ts'
import type { TurnResult } from '../../../edge-agent/turn/result.ts'
import { SAMPLE_DATA } from '../../../control-plane/context/sample-data.ts'
import { parseSha256Hex } from '../../../shared/ids.ts'
import { governed, type Governed } from '../../support/governed.ts'

let at: Governed
let embedders: DeviceEmbedders
beforeAll(async () => {
  at = await governed()
  await migrate(at.db)
  embedders = openEmbedders(at.folder, new AbortController().signal)
  for (const { table, key, body } of SAMPLE_DATA)
    await at.db.query(
      'insert into context.row (tbl, key, version, body) values ($1, $2, 1, $3::text::jsonb)',
      [table, key, JSON.stringify(body)],
    )
})
afterAll(async () => {
  await embedders.close()
  await at.close()
})

const model = {
  name: 'scripted',
  digest: parseSha256Hex('ab'.repeat(32)),
  provider: 'test',
  traits: { class: 'acoustic', licence: 'MIT', residency: 'device', source: 'released' },
} as const
const audio: AudioSource = {
  kind: 'wav',
  sampleRateHz: 16_000,
  warnings: [],
  blocks: (async function* none() {})(),
}

/** One turn in which `heard` is heard and `meant` is understood. */
async function turn(
  heard: Partial<Heard>,
  meant: Partial<Meaning> = {},
  { told = [], wanted = { act: null, ask: null } }: { told?: WishBefore[]; wanted?: IntentThresholds } = {},
): Promise<TurnResult> {
  const field = { clock: at.clock, person: 'amara', writes: openLocalWrites(at) }
  const pack = contextPack({
    db: at.db,
    kernel: at.kernel,
    principal: { kind: 'person', id: 'amara', roles: ['technician'] },
    clock: at.clock,
    embedders,
    policy: () => fieldServicePolicy({ environment: 'development', version: 1, nowMs: at.clock.nowMs() }),
    staleness: () => ({ syncedAt: null, stalenessMs: null, indexedAt: null }),
  })
  const parts: TurnParts = {
    kernel: at.kernel,
    ears: {
      model,
      listen: async () => ({
        kind: 'heard',
        text: 'words',
        confidence: 1,
        alternatives: [],
        audioMs: 1,
        finishMs: 1,
        runtimeMs: 1,
        ...heard,
      }),
    },
    mind: {
      model,
      phraseOf: (intent) => intent.replace('.', ' '),
      thresholdsOf: () => wanted,
      understand: async ({ text, before }) => {
        if (before !== null) told.push(before)
        return {
          text,
          spans: {},
          further: [],
          amends: false,
          intent: 'work_order.list',
          confidence: 1,
          slots: {},
          missing: [],
          effectful: false,
          route: 'grammar',
          runtimeMs: 1,
          ...meant,
        }
      },
    },
    clock: at.clock,
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    principal: { kind: 'person', id: 'amara', roles: ['technician'] },
    thresholds: { act: 0.75, ask: 0.4 },
    context: { pack: pack.performer, clearance: () => pack.clearance() },
    memory: { read: memoryReadPerformer(), write: memoryWritePerformer() },
    askHuman: inboxPerformer(field),
    action: (intent, slots, memory) => fieldAction(field, intent, slots, memory),
  }
  return await conductTurn(parts, audio, () => undefined)
}
const order = (confidence: number): Partial<Meaning> => ({
  intent: 'part.order',
  effectful: true,
  confidence,
  slots: { part: '4410', count: 2 },
})
const orders = async (): Promise<number> =>
  (await at.db.query<{ n: number }>(`select count(*) as n from context.current where tbl = 'part_order'`))[0]
    ?.n ?? -1

describe('a turn', () => {
  it('acts when it is sure, and leaves a record of each step', async () => {
    const before = await orders()
    const { outcome, effects } = await turn({}, order(0.9))
    expect(outcome).toMatchObject({ kind: 'done', say: 'Ordered 2 of part 4410, mechanical seal.' })
    expect(effects.map(({ action }) => action)).toEqual([
      'model.transcribe',
      'memory.read',
      'context.pack',
      'model.understand',
      'part.order',
    ])
    expect(await orders()).toBe(before + 1)
  })

  it('understands with a context pack whose digest is in the record of the model call', async () => {
    await turn({}, { intent: 'work_order.open', effectful: true, slots: { work_order: '427' } })
    const { context, effects } = await turn({ text: 'what does the pump need' })
    expect(context?.items.slice(0, 2)).toMatchObject([
      { kind: 'work_order', id: 'work_order/wo-427' },
      {
        kind: 'asset',
        id: 'asset/asset-p101',
        sources: [{ system: 'starling', record: 'asset/asset-p101' }],
      },
    ])
    const call = effects.find(({ action }) => action === 'model.understand')
    const payload = await at.db.query(
      `select convert_from(bytes, 'UTF8') as text from journal.payload where record_id = $1`,
      [call?.provenance.recordId ?? ''],
    )
    expect(JSON.stringify(payload)).toContain(context?.digest)
  })

  it('goes on without a pack where the policy gives none, and says so', async () => {
    const { rules } = fieldServicePolicy({ environment: 'development', version: 1, nowMs: at.clock.nowMs() })
    const without = rules.map((rule) => ({
      ...rule,
      actions: rule.actions.filter((action) => action !== 'context.pack'),
    }))
    at.follow({ rules: without })
    const { context, outcome, effects } = await turn({}, { intent: 'work_order.list' })
    at.follow({})
    expect([context, outcome.kind]).toEqual([null, 'done'])
    expect(effects.find(({ action }) => action === 'context.pack')?.verdict).toBe('denied')
  })

  it('asks back when it is half sure, acts on yes, drops it on no', async () => {
    const before = await orders()
    expect((await turn({}, order(0.6))).outcome).toMatchObject({
      kind: 'question',
      say: 'Did you mean: part order: part 4410, count 2?',
    })
    expect(await orders()).toBe(before)
    const yes = await turn({}, { intent: 'turn.confirm' })
    expect(yes.outcome.kind).toBe('done')
    expect(await orders()).toBe(before + 1)
    expect((await recall(at.db)).open).toBeNull()
    await turn({}, order(0.6))
    expect((await turn({}, { intent: 'turn.deny' })).outcome).toMatchObject({
      kind: 'done',
      say: 'Dropped. Nothing was done.',
    })
    expect(await orders()).toBe(before + 1)
  })

  it('asks back where the domain wants to be surer than the policy', async () => {
    const before = await orders()
    const asked = await turn({}, order(0.9), { wanted: { act: 0.95, ask: null } })
    expect(asked.outcome.kind).toBe('question')
    expect(await orders()).toBe(before)
    await turn({}, { intent: 'turn.deny' })
  })

  it('asks for what is missing, once, and then gives it to a person', async () => {
    const missing = { intent: 'work_order.open', effectful: true, missing: ['work_order'] }
    expect((await turn({}, missing)).outcome).toMatchObject({
      kind: 'question',
      say: 'Which work order, to work_order open?',
    })
    const filled = await turn({}, { ...missing, missing: [], slots: { work_order: '427' } })
    expect(filled.outcome.kind).toBe('done')
    await turn({}, order(0.6))
    expect((await turn({}, order(0.6))).outcome).toMatchObject({ kind: 'inbox', reason: 'asked_twice' })
  })

  it('gives to a person what is unlikely, out of scope, or was rejected by the ears', async () => {
    const before = await orders()
    expect((await turn({ text: 'mumble' }, order(0.2))).outcome).toMatchObject({
      kind: 'inbox',
      reason: 'low_confidence',
    })
    expect((await turn({}, { intent: 'out_of_scope', confidence: 0.9 })).outcome).toMatchObject({
      kind: 'inbox',
    })
    expect((await turn({ kind: 'rejected', confidence: 0.1 }, order(0.99))).outcome).toMatchObject({
      kind: 'inbox',
    })
    expect((await turn({}, { intent: 'make.coffee', confidence: 1 })).outcome).toMatchObject({
      kind: 'inbox',
    })
    expect(await orders()).toBe(before)
    expect((await listInbox(at.db)).map(({ question }) => question)).toContain('mumble')
  })

  it('does nothing when nothing was heard, and says what the policy forbids', async () => {
    expect((await turn({ kind: 'nothing', text: '', confidence: 0 })).outcome).toMatchObject({
      kind: 'nothing',
    })
    at.follow({ rules: [] })
    expect((await turn({}, order(0.9))).outcome).toMatchObject({
      kind: 'denied',
      reason: expect.stringContaining('no rule') as string,
    })
    at.follow({})
  })

  it('never acts below the policy’s own confidence, whatever the thresholds say', async () => {
    const before = await orders()
    at.follow({
      rules: [
        { id: 'all', effect: 'permit', actions: ['*'], roles: ['*'], whenExpired: false },
        {
          id: 'never-order-by-ear',
          effect: 'deny',
          actions: ['part.order'],
          roles: ['technician'],
          whenExpired: false,
        },
      ],
    })
    expect((await turn({}, order(1))).outcome).toMatchObject({ kind: 'denied' })
    expect(await orders()).toBe(before)
    at.follow({})
  })

  describe('of several wishes', () => {
    const wish = (intent: string, slots: JsonObject = {}, confidence = 1): Wish => {
      return { intent, confidence, slots, spans: {}, missing: [], effectful: true, route: 'grammar' }
    }
    const reading = (value: number): Wish => wish('reading.log', { value, unit: 'bar' })
    const withdrawn = async (): Promise<readonly unknown[]> =>
      (
        await at.db.query<{ body: { value: number; withdrawn: boolean } }>(
          `select body from context.current where tbl = 'reading' order by body->>'takenAt', body->>'value'`,
        )
      ).map(({ body }) => [body.value, body.withdrawn])

    it('carries out each in order, with records of its own', async () => {
      const result = await turn(
        {},
        { ...reading(61), further: [wish('part.order', { part: '4410', count: 1 })] },
      )
      expect(result.outcome).toMatchObject({
        kind: 'done',
        say: 'Logged: pressure 61 bar for the feed water pump one. Ordered 1 of part 4410, mechanical seal.',
      })
      expect(result.wishes.map(({ intent, outcome }) => [intent, outcome.kind])).toEqual([
        ['reading.log', 'done'],
        ['part.order', 'done'],
      ])
      expect(result.effects.map(({ action }) => action)).toEqual([
        'model.transcribe',
        'memory.read',
        'context.pack',
        'model.understand',
        'reading.log',
        'memory.read',
        'part.order',
      ])
    })

    it('leaves what follows one that is asked back, denied or failed, and says so', async () => {
      const before = await orders()
      const last = wish('part.order', { part: '4410', count: 1 })
      const asked = await turn({}, { ...wish('note.record', { text: 'worn' }, 0.6), further: [last] })
      expect(asked.outcome).toMatchObject({
        kind: 'question',
        say: expect.stringContaining('Not done: part order.') as string,
      })
      expect(asked.wishes).toHaveLength(1)
      await turn({}, { intent: 'turn.deny' })
      const failed = await turn({}, { ...wish('work_order.open', { work_order: '999' }), further: [last] })
      expect(failed.outcome).toMatchObject({
        kind: 'failed',
        say: expect.stringContaining('Not done: part order.') as string,
      })
      at.follow({
        rules: [
          { id: 'all', effect: 'permit', actions: ['*'], roles: ['*'], whenExpired: false },
          { id: 'no-readings', effect: 'deny', actions: ['reading.log'], roles: ['*'], whenExpired: false },
        ],
      })
      expect((await turn({}, { ...reading(62), further: [last] })).outcome.kind).toBe('denied')
      at.follow({})
      expect(await orders()).toBe(before)
    })

    it('takes back what it did and does it anew, when the speaker corrects it', async () => {
      await turn({}, reading(63))
      const heard: WishBefore[] = []
      const corrected = await turn({}, { ...reading(64), amends: true }, { told: heard })
      expect(heard).toEqual([{ intent: 'reading.log', slots: { value: 63, unit: 'bar' }, missing: [] }])
      expect(corrected.wishes.map(({ intent, outcome }) => [intent, outcome.kind])).toEqual([
        ['undo', 'done'],
        ['reading.log', 'done'],
      ])
      expect(await withdrawn()).toEqual(
        expect.arrayContaining([
          [63, true],
          [64, false],
        ]),
      )
    })

    it('changes what it asked about without undoing anything', async () => {
      const before = await orders()
      await turn({}, order(0.6))
      const changed = await turn({}, { ...wish('part.order', { part: '4410', count: 3 }, 0.9), amends: true })
      expect(changed.wishes.map(({ intent }) => intent)).toEqual(['part.order'])
      expect(changed.outcome).toMatchObject({ say: 'Ordered 3 of part 4410, mechanical seal.' })
      expect(await orders()).toBe(before + 1)
    })

    it('says that there is nothing to correct where there is not', async () => {
      expect((await turn({}, wish('turn.amend'))).outcome).toMatchObject({
        kind: 'failed',
        code: 'nothing_to_amend',
      })
    })
  })

  it('asks back about what the ears heard second, however well it reads', async () => {
    const before = await orders()
    const second = await turn({ text: 'all the three seals' }, { ...order(0.98), text: 'order three seals' })
    expect(second.outcome.kind).toBe('question')
    expect(await orders()).toBe(before)
    await turn({}, { intent: 'turn.deny' })
  })
})
