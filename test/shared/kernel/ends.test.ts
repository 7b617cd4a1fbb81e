import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as v from 'valibot'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { redeem } from '../../../shared/kernel/admitted.ts'
import type { ExternalPerformer, Route, TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import type { IntentBody, OutcomeBody } from '../../../shared/journal/record.ts'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import { createKernel } from '../../../shared/kernel/kernel.ts'
import { recoverIntents } from '../../../shared/kernel/recover.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { DatabaseInterrupted } from '../../../shared/sql/errors.ts'
import type { Database } from '../../../shared/sql/port.ts'
import { openJournal } from '../../../shared/journal/journal.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'

const here: Route = { provider: 'test', model: 'test/1', digest: null, region: 'device', reason: 'test' }

const inside = (
  change: Partial<TransactionalPerformer<JsonObject, Json>> = {},
): TransactionalPerformer<JsonObject, Json> => ({
  kind: 'transactional',
  action: 'note.record',
  accepts: v.looseObject({}),
  route: () => here,
  perform: async (admitted, tx) => {
    redeem(admitted, 'note.record')
    await tx.query(`insert into thing (name) values (gen_random_uuid()::text)`)
    return {}
  },
  check: () => undefined,
  ...change,
})

const outside = (
  change: Partial<ExternalPerformer<JsonObject, Json>> = {},
): ExternalPerformer<JsonObject, Json> => ({
  kind: 'external',
  action: 'model.transcribe',
  accepts: v.looseObject({}),
  route: () => here,
  perform: async (admitted) => {
    redeem(admitted, 'model.transcribe')
    return {}
  },
  check: () => undefined,
  resolve: async () => 'unknown',
  ...change,
})

let at: Governed
beforeAll(async () => {
  at = await governed({ performWithinMs: 100 })
  await at.db.script('create table thing (name text primary key)')
})
afterAll(async () => await at.close())

const things = async (): Promise<number> =>
  (await at.db.query<{ n: number }>('select count(*) as n from thing'))[0]?.n ?? -1

async function outcomeOf(recordId: string): Promise<OutcomeBody> {
  const found = await at.journal.following(recordId)
  expect(found).toHaveLength(1)
  const body = found[0]?.body
  if (body?.kind !== 'outcome') throw new Error('no outcome')
  return body
}

describe('every end of an effect is recorded as what it was', () => {
  it('denies what nobody can be named for, and records why', async () => {
    const lost = inside({
      route: () => {
        throw new Error('the model is gone')
      },
    })
    const answer = await at.kernel.admit(lost, technicianAsks('note.record', {}))
    expect(answer).toMatchObject({ kind: 'denied', provenance: { rule: 'no-route' } })
    expect((await at.journal.find(answer.provenance.recordId))?.body).toMatchObject({
      verdict: 'deny',
      route: { provider: 'none', reason: 'no route for note.record: the model is gone' },
    })
  })

  it('shortens a route that says too much, so that the record can be read again', async () => {
    const wordy = inside({ route: () => ({ ...here, reason: 'because '.repeat(100) }) })
    const { provenance } = await at.kernel.admit(wordy, technicianAsks('note.record', {}))
    expect((await at.journal.find(provenance.recordId))?.body.kind).toBe('intent')
  })

  it('lets no input that breaks its contract reach a performer, and counts it', async () => {
    const accepts = v.strictObject({ text: v.pipe(v.string(), v.maxLength(5)) })
    let reached = 0
    const reach = async (): Promise<Json> => (reached += 1)
    for (const performer of [inside({ accepts, perform: reach }), outside({ accepts, perform: reach })]) {
      const asked = technicianAsks(performer.action, { text: 'too long' })
      const answer = await at.kernel.admit(performer, asked)
      expect(answer).toMatchObject({ kind: 'failed', code: 'input_refused' })
      expect(await outcomeOf(answer.provenance.recordId)).toMatchObject({
        status: 'failed',
        code: 'input_refused',
      })
      const counted = `starling_inputs_refused_total{action="${performer.action}"} 1\n`
      expect(at.metrics.render()).toContain(counted)
    }
    expect(reached).toBe(0)
  })

  it('fails an external output that breaks its contract', async () => {
    const bad = outside({
      check: () => {
        throw new Error('confidence 7')
      },
    })
    const answer = await at.kernel.admit(bad, technicianAsks('model.transcribe', {}))
    expect(answer).toMatchObject({ kind: 'failed', message: 'confidence 7' })
    expect(await outcomeOf(answer.provenance.recordId)).toMatchObject({ status: 'failed', output: null })
  })

  it('fails an output that no record can name, and rolls its rows back', async () => {
    const before = await things()
    const nan = inside({
      perform: async (admitted, tx) => {
        redeem(admitted, 'note.record')
        await tx.query(`insert into thing (name) values ('nan')`)
        return Number.NaN
      },
    })
    for (const answer of [
      await at.kernel.admit(nan, technicianAsks('note.record', {})),
      await at.kernel.admit(
        outside({ perform: async () => Number.NaN }),
        technicianAsks('model.transcribe', {}),
      ),
    ]) {
      expect(answer).toMatchObject({ kind: 'failed', code: 'not_canonical' })
      expect(await outcomeOf(answer.provenance.recordId)).toMatchObject({ status: 'failed' })
    }
    expect(await things()).toBe(before)
  })

  it('fails a performer that went on after its statement was refused', async () => {
    const before = await things()
    const careless = inside({
      perform: async (admitted, tx) => {
        redeem(admitted, 'note.record')
        await tx.query(`insert into thing (name) values ('careless')`)
        await tx.query('select * from nowhere').catch(() => undefined)
        return {}
      },
    })
    const answer = await at.kernel.admit(careless, technicianAsks('note.record', {}))
    expect(answer.kind).toBe('failed')
    expect(await outcomeOf(answer.provenance.recordId)).toMatchObject({ status: 'failed' })
    expect(await things()).toBe(before)
  })

  it('says of an effect that was given up that its end is not known', async () => {
    const slow = outside({ perform: async () => await new Promise(() => undefined) })
    const answer = await at.kernel.admit(slow, technicianAsks('model.transcribe', {}))
    expect(answer).toMatchObject({ kind: 'failed', code: 'effect_timed_out' })
    expect(await outcomeOf(answer.provenance.recordId)).toMatchObject({
      status: 'unknown',
      code: 'effect_timed_out',
    })
  })

  it('refuses names, roles and costs that no record or budget takes, before any record', async () => {
    const { seq } = await at.journal.head()
    const person = (id: string, roles: readonly string[] = ['technician']) => ({
      principal: { kind: 'person' as const, id, roles },
    })
    for (const change of [
      person(''),
      person('a'.repeat(201)),
      person('nul\u0000'),
      person(
        'a',
        Array.from({ length: 17 }, () => 'technician'),
      ),
      { cost: 0 },
      { cost: 0.5 },
      { cost: 1e300 },
    ])
      await expect(
        at.kernel.admit(inside(), technicianAsks('note.record', {}, change)),
      ).rejects.toMatchObject({ code: 'bad_effect_request' })
    expect((await at.journal.head()).seq).toBe(seq)
  })

  it('takes a commit whose answer was lost for what the journal says it was', async () => {
    for (const committed of [true, false]) {
      const before = await things()
      const { kernel, lose } = await losing(at, committed)
      lose.at = 2
      const answer = await kernel.admit(inside(), technicianAsks('note.record', {}))
      expect(answer.kind).toBe(committed ? 'performed' : 'failed')
      expect((await outcomeOf(answer.provenance.recordId)).status).toBe(committed ? 'performed' : 'failed')
      expect(await things()).toBe(before + (committed ? 1 : 0))
    }
  })

  it('settles each open intent by what is known of it, and a resolver that fails keeps none from being settled', async () => {
    const open = async (action: string): Promise<string> => {
      const said: IntentBody = {
        kind: 'intent',
        principal: { kind: 'person', id: 'amara', roles: [] },
        action,
        resource: { type: 'any', id: 'any' },
        dataClass: 'internal',
        policy: { version: 1, digest: '0'.repeat(64), rule: 'any' },
        verdict: 'permit',
        route: { ...here },
        confidence: null,
        turn: null,
        cost: 1,
        input: '0'.repeat(64),
      }
      return (await at.journal.transaction(async (tx) => await at.journal.append(tx, said))).id
    }
    const ids = [
      await open('model.transcribe'),
      await open('model.understand'),
      await open('note.record'),
      await open('bundle.activate'),
    ]
    const settled = await recoverIntents({
      journal: at.journal,
      external: [
        { action: 'model.transcribe', resolve: async () => await Promise.reject(new Error('it is gone')) },
        { action: 'model.understand', resolve: async () => 'took_place' },
      ],
      isTransactional: (action) => action === 'note.record',
    })
    const ends = ['unknown', 'took_place', 'did_not_take_place', 'unknown']
    expect(settled.map(({ recordId }) => recordId)).toEqual(ids)
    expect(settled.map(({ resolution }) => resolution)).toEqual(ends)
    for (const [index, id] of ids.entries()) expect((await outcomeOf(id)).status).toBe(ends[index])
  })

  it('leaves one outcome an intent, and a chain that holds', async () => {
    expect(await at.journal.openIntents()).toEqual([])
    expect(await verifyJournal(at.db, at.key.publicKey)).toMatchObject({ holds: true })
  })
})

/** The same database behind an engine that dies at the commit of the transaction `lose.at`, after or before it is made. */
async function losing(on: Governed, committed: boolean) {
  const lose = { at: 0 }
  const { db, clock, key, metrics } = on
  const failing: Database = {
    query: async (text, params) => await db.query(text, params),
    script: async (text) => await db.script(text),
    checkpoint: async () => await db.checkpoint(),
    close: async () => await db.close(),
    transaction: async (work) => {
      lose.at -= 1
      if (lose.at !== 0) return await db.transaction(work)
      const died = new DatabaseInterrupted('test', 'unknown', new Error('the engine died'))
      await db.transaction(async (tx) => {
        await work(tx)
        if (!committed) throw died
      })
      throw died
    },
  }
  const signer = generateKeyPair()
  const document = fieldServicePolicy({ environment: 'development', version: 1, nowMs: clock.nowMs() })
  const policy = openPolicy(signPolicy(document, [signer]), {
    keys: [signer.publicKey],
    environment: 'development',
    held: null,
  })
  const journal = await openJournal({ db: failing, origin: on.journal.origin, key, clock })
  const kernel = await createKernel({ db: failing, journal, policy: () => policy, clock, metrics })
  return { kernel, lose }
}
