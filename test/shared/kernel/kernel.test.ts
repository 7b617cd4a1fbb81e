import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as v from 'valibot'
import { StarlingError } from '../../../shared/errors.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { redeem } from '../../../shared/kernel/admitted.ts'
import type {
  ExternalPerformer,
  Resolution,
  Route,
  TransactionalPerformer,
} from '../../../shared/kernel/contract.ts'
import { recoverIntents } from '../../../shared/kernel/recover.ts'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import { governed, technicianAsks, type Governed } from '../../support/governed.ts'

class NoSuchThing extends StarlingError {
  override readonly code = 'no_such_thing'
}

const route = (): Route => ({
  provider: 'test',
  model: 'test/1',
  digest: null,
  region: 'device',
  reason: 'test',
})

function writes(
  action: string,
  what: (tx: Parameters<TransactionalPerformer<JsonObject, Json>['perform']>[1]) => Promise<Json>,
): TransactionalPerformer<JsonObject, Json> {
  return {
    kind: 'transactional',
    action,
    accepts: v.looseObject({}),
    route,
    perform: async (admitted, tx) => {
      redeem(admitted, action)
      return await what(tx)
    },
    check: (output) => {
      if (output === 'bad') throw new NoSuchThing('bad output', { remedy: 'none' })
    },
  }
}

function external(
  action: string,
  perform: (signal: AbortSignal) => Promise<Json>,
  resolution: Resolution = 'unknown',
): ExternalPerformer<JsonObject, Json> {
  return {
    kind: 'external',
    action,
    accepts: v.looseObject({}),
    route,
    perform: async (admitted, signal) => {
      redeem(admitted, action)
      return await perform(signal)
    },
    check: () => undefined,
    resolve: async () => resolution,
  }
}

let at: Governed
beforeAll(async () => {
  at = await governed({ performWithinMs: 200 })
  await at.db.script('create table thing (name text primary key)')
})
afterAll(async () => await at.close())
beforeEach(() => at.follow({}))

const countThings = async (): Promise<number> =>
  (await at.db.query<{ n: number }>('select count(*) as n from thing'))[0]?.n ?? -1
const insertThing = (name: string) =>
  writes('note.record', async (tx) => {
    await tx.query('insert into thing (name) values ($1)', [name])
    return { name }
  })

describe('admit', () => {
  it('performs what policy permits, between an intent and an outcome that name each other', async () => {
    const answer = await at.kernel.admit(
      insertThing('one'),
      technicianAsks('note.record', { text: 'call 4111 1111 1111 1111' }),
    )
    expect(answer).toMatchObject({ kind: 'performed', output: { name: 'one' } })
    const { recordId, rule, policyVersion, policyDigest } = answer.provenance
    expect([rule, policyVersion, policyDigest.length]).toEqual(['technician-acts', 1, 64])
    const intent = await at.journal.find(recordId)
    const [outcome] = await at.journal.following(recordId)
    expect(intent?.body).toMatchObject({ kind: 'intent', verdict: 'permit', action: 'note.record' })
    expect(outcome?.body).toMatchObject({ kind: 'outcome', status: 'performed', of: recordId })
    expect(outcome?.seq).toBe((intent?.seq ?? 0) + 1)
    expect(await at.journal.payloadOf(recordId, 'input')).toEqual({ text: 'call [card number]' })
    expect(await at.journal.openIntents()).toEqual([])
  })

  it('keeps no payload of restricted data, only its digest', async () => {
    at.follow({ rules: [{ id: 'all', effect: 'permit', actions: ['*'], roles: ['*'], whenExpired: false }] })
    const { provenance } = await at.kernel.admit(
      insertThing('secret'),
      technicianAsks('note.record', { text: 's' }, { dataClass: 'restricted' }),
    )
    expect(await at.journal.payloadOf(provenance.recordId, 'input')).toBeNull()
    const [outcome] = await at.journal.following(provenance.recordId)
    expect(await at.journal.payloadOf(outcome?.id ?? '', 'output')).toBeNull()
  })

  it('denies by default, under the confidence, past the budget and past the expiry; each denial is recorded and nothing performed', async () => {
    const before = await countThings()
    const denied = async (change: object = {}) => {
      const answer = await at.kernel.admit(
        insertThing(`never-${Math.random()}`),
        technicianAsks('note.record', {}, change),
      )
      if (answer.kind !== 'denied') throw new Error(`it was ${answer.kind}`)
      expect((await at.journal.find(answer.provenance.recordId))?.body).toMatchObject({
        kind: 'intent',
        verdict: 'deny',
      })
      return answer.provenance.rule
    }
    expect(await denied({ principal: { kind: 'person', id: 'eve', roles: ['visitor'] } })).toBe(
      'default-deny',
    )
    expect(await denied({ confidence: 0.2 })).toBe('technician-acts')
    at.follow({ budget: { effects: 1, windowS: 60 } })
    await at.kernel.admit(
      insertThing('last'),
      technicianAsks('note.record', {}, { principal: { kind: 'person', id: 'poor', roles: ['technician'] } }),
    )
    expect(await denied({ principal: { kind: 'person', id: 'poor', roles: ['technician'] } })).toBe('budget')
    at.follow({
      validFrom: new Date(at.clock.nowMs() - 1_000).toISOString(),
      expiresAt: new Date(at.clock.nowMs() - 1).toISOString(),
    })
    expect(await denied()).toBe('expired')
    const list = await at.kernel.admit(
      writes('work_order.list', async () => ({})),
      technicianAsks('work_order.list', {}),
    )
    expect(list.kind).toBe('performed')
    expect(await countThings()).toBe(before + 1)
  })

  it('rolls a failed performer back and records the failure', async () => {
    const before = await countThings()
    const failing = writes('note.record', async (tx) => {
      await tx.query(`insert into thing (name) values ('half')`)
      throw new NoSuchThing('there is none', { remedy: 'look elsewhere' })
    })
    const answer = await at.kernel.admit(failing, technicianAsks('note.record', {}))
    expect(answer).toMatchObject({ kind: 'failed', code: 'no_such_thing', remedy: 'look elsewhere' })
    expect(await countThings()).toBe(before)
    const [outcome] = await at.journal.following(answer.provenance.recordId)
    expect(outcome?.body).toMatchObject({ status: 'failed', code: 'no_such_thing' })
  })

  it('fails an output that breaks its contract, with its rows', async () => {
    const before = await countThings()
    const bad = writes('note.record', async (tx) => {
      await tx.query(`insert into thing (name) values ('unchecked')`)
      return 'bad'
    })
    expect((await at.kernel.admit(bad, technicianAsks('note.record', {}))).kind).toBe('failed')
    expect(await countThings()).toBe(before)
  })

  it('gives an external effect up at its limit', async () => {
    const slow = external('model.transcribe', async () => await new Promise(() => undefined))
    const answer = await at.kernel.admit(slow, technicianAsks('model.transcribe', {}))
    expect(answer).toMatchObject({ kind: 'failed', code: 'effect_timed_out' })
  })

  it('lets no admission out for a second use', async () => {
    let kept: unknown
    const thief: TransactionalPerformer<JsonObject, Json> = {
      ...insertThing('x'),
      perform: async (admitted) => {
        kept = admitted
        redeem(admitted, 'note.record')
        return {}
      },
    }
    await at.kernel.admit(thief, technicianAsks('note.record', {}))
    await at.db.transaction(async (tx) => {
      await expect(insertThing('stolen').perform(kept as never, tx)).rejects.toMatchObject({
        code: 'ungated_effect',
      })
    })
  })

  it('refuses a request for another action than the performer’s, before any record', async () => {
    const { seq } = await at.journal.head()
    await expect(at.kernel.admit(insertThing('x'), technicianAsks('part.order', {}))).rejects.toMatchObject({
      code: 'bad_effect_request',
    })
    await expect(
      at.kernel.admit(insertThing('x'), technicianAsks('note.record', {}, { confidence: Number.NaN })),
    ).rejects.toMatchObject({ code: 'bad_effect_request' })
    expect((await at.journal.head()).seq).toBe(seq)
  })

  it('throws and performs nothing when no record can be made durable', async () => {
    const full = await governed({ maxOutboxRecords: 2 })
    await full.db.script('create table thing (name text primary key)')
    expect((await full.kernel.admit(insertThing('fits'), technicianAsks('note.record', {}))).kind).toBe(
      'performed',
    )
    await expect(
      full.kernel.admit(insertThing('over'), technicianAsks('note.record', {})),
    ).rejects.toMatchObject({ code: 'outbox_full' })
    expect((await full.db.query<{ n: number }>('select count(*) as n from thing'))[0]?.n).toBe(1)
    await full.close()
  })
})

describe('recovery', () => {
  it('settles what a crash left open, and says what came of it', async () => {
    const open = async (action: string) => {
      const answer = at.kernel.admit(
        external(action, async () => await new Promise(() => undefined)),
        technicianAsks(action, {}),
      )
      // The intent is durable while the effect is under way; a crash here leaves it open.
      await answer
      return (await answer).provenance.recordId
    }
    const ids = [await open('model.transcribe'), await open('model.understand')]
    for (const id of ids)
      await at.db.transaction(async (tx) => {
        await tx.query(
          'insert into journal.open_intent (id, seq) select id, seq from journal.record where id = $1',
          [id],
        )
      })
    const settled = await recoverIntents({
      journal: at.journal,
      external: [external('model.transcribe', async () => ({}), 'took_place')],
      isTransactional: () => false,
    })
    expect(settled.map(({ action, resolution }) => [action, resolution])).toEqual([
      ['model.transcribe', 'took_place'],
      ['model.understand', 'unknown'],
    ])
    expect(await at.journal.openIntents()).toEqual([])
  })

  it('leaves a chain that verifies', async () => {
    while ((await at.journal.sealNext()) !== null);
    const found = await verifyJournal(at.db, at.key.publicKey)
    expect(found).toMatchObject({ holds: true, unsealed: 0, fault: null })
    expect(found.records).toBeGreaterThan(20)
  })
})
