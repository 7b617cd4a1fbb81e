import fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, describe, expect, it } from 'vitest'
import { verifyJournal } from '../../../shared/audit/verify.ts'
import type { JournalRecord } from '../../../shared/journal/record.ts'
import { openJournal, type Journal } from '../../../shared/journal/journal.ts'
import type { Json, JsonObject } from '../../../shared/json.ts'
import { redeem } from '../../../shared/kernel/admitted.ts'
import type { ExternalPerformer, Kernel, TransactionalPerformer } from '../../../shared/kernel/contract.ts'
import { createKernel } from '../../../shared/kernel/kernel.ts'
import { recoverIntents, type SettledIntent } from '../../../shared/kernel/recover.ts'
import { openMetrics } from '../../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { openPolicy, signPolicy } from '../../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../../shared/signing/ed25519.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database, Row, SqlValue, Transaction } from '../../../shared/sql/port.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { technicianAsks } from '../../support/governed.ts'
import { handClock } from '../../support/hand-clock.ts'

/** What one step of a story asks of the kernel, and how it ends. */
type Step =
  | { readonly kind: 'note'; readonly end: 'well' | 'throws' | 'bad_output' }
  | { readonly kind: 'model'; readonly end: 'well' | 'throws' }
  | { readonly kind: 'denied' }
  | { readonly kind: 'seal' }
  /** The process dies while an effect is under way; `did` is what that effect had done by then. */
  | { readonly kind: 'crash'; readonly during: 'note' | 'model'; readonly did: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('note' as const), end: fc.constantFrom('well', 'throws', 'bad_output') }),
  fc.record({ kind: fc.constant('model' as const), end: fc.constantFrom('well', 'throws') }),
  fc.constant({ kind: 'denied' as const }),
  fc.constant({ kind: 'seal' as const }),
  fc.record({
    kind: fc.constant('crash' as const),
    during: fc.constantFrom('note', 'model'),
    did: fc.boolean(),
  }),
)

interface Site {
  readonly db: Database
  /** From now on nothing that this process began comes to an end, and what was open is rolled back. */
  die(): void
  readonly journal: Journal
  readonly kernel: Kernel
}

const key = generateKeyPair()
const signer = generateKeyPair()
const clock = handClock()
const policy = openPolicy(
  signPolicy(fieldServicePolicy({ environment: 'development', version: 1, nowMs: clock.nowMs() }), [signer]),
  { keys: [signer.publicKey], environment: 'development', held: null },
)
const route = () => ({
  provider: 'test',
  model: 't',
  digest: null,
  region: 'device' as const,
  reason: 'test',
})

let site: Site | null = null
afterEach(async () => await site?.db.close())

async function open(dir: string): Promise<Site> {
  const engine = await openDatabase({ dir })
  await engine.script('create table if not exists note (id text primary key)')
  const { db, ...mortality } = mortal(engine)
  const journal = await openJournal({ db, origin: 'device-1', key, clock })
  const kernel = await createKernel({ db, journal, policy: () => policy, clock, metrics: openMetrics() })
  return { db, ...mortality, journal, kernel }
}

/** The database of a process that can die: in mid-transaction too, which PostgreSQL then rolls back. */
function mortal(engine: Database): { readonly db: Database; die(): void } {
  let isDead = false
  const never = new Promise<never>(() => undefined)
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) return await never
    const result = await work().catch((thrown: unknown) => (isDead ? never : Promise.reject(thrown)))
    return isDead ? await never : result
  }
  return {
    die: () => {
      isDead = true
    },
    db: {
      query: async <R extends Row>(text: string, params?: readonly SqlValue[]) =>
        await alive(async () => await engine.query<R>(text, params)),
      script: async (text) => await alive(async () => await engine.script(text)),
      checkpoint: async () => await alive(async () => await engine.checkpoint()),
      transaction: async <T>(work: (tx: Transaction) => Promise<T>) =>
        await alive(
          async () =>
            await engine.transaction(async (tx) => {
              const result = await work(tx)
              if (isDead) throw new Error('died before the commit')
              return result
            }),
        ),
      close: async () => await engine.close(),
    },
  }
}

const note = (
  end: 'well' | 'throws' | 'bad_output',
  midway: () => Promise<void> = async () => undefined,
): TransactionalPerformer<JsonObject, Json> => ({
  kind: 'transactional',
  action: 'note.record',
  accepts: v.looseObject({}),
  route,
  perform: async (admitted, tx) => {
    const { recordId } = redeem(admitted, 'note.record')
    await tx.query('insert into note (id) values ($1)', [recordId])
    await midway()
    if (end === 'throws') throw new Error('thrown by the story')
    return { end }
  },
  check: (output) => {
    if (end === 'bad_output') throw new Error(`bad: ${JSON.stringify(output)}`)
  },
})

const model = (
  end: 'well' | 'throws',
  midway: (recordId: string) => Promise<void> = async () => undefined,
): ExternalPerformer<JsonObject, Json> => ({
  kind: 'external',
  action: 'model.understand',
  accepts: v.looseObject({}),
  route,
  perform: async (admitted) => {
    await midway(redeem(admitted, 'model.understand').recordId)
    if (end === 'throws') throw new Error('thrown by the story')
    return { end }
  },
  check: () => undefined,
  resolve: async () => 'unknown',
})

/** Starts an effect, dies under it, opens the database again and recovers. */
async function crash(
  dir: string,
  dead: Site,
  { during, did }: Extract<Step, { kind: 'crash' }>,
): Promise<{ readonly site: Site; readonly settled: readonly SettledIntent[] }> {
  const done = new Set<string>()
  let reached: () => void = () => undefined
  const underWay = new Promise<void>((resolve) => {
    reached = resolve
  })
  const dying = async (): Promise<void> => {
    dead.die()
    reached()
  }
  const effect =
    during === 'note'
      ? dead.kernel.admit(note('well', dying), technicianAsks('note.record', {}))
      : dead.kernel.admit(
          model('well', async (recordId) => {
            if (did) done.add(recordId)
            await dying()
          }),
          technicianAsks('model.understand', {}),
        )
  effect.catch(() => undefined)
  await underWay
  await dead.db.close()
  const next = await open(dir)
  const settled = await recoverIntents({
    journal: next.journal,
    external: [
      {
        action: 'model.understand',
        resolve: async ({ recordId }) => (done.has(recordId) ? 'took_place' : 'did_not_take_place'),
      },
    ],
    isTransactional: (action) => action === 'note.record',
  })
  return { site: next, settled }
}

/** Every permitted intent has exactly one outcome, after it; no denied one has any; nothing else is told of. */
function checkOrder(records: readonly JournalRecord[]): void {
  const unsettled = new Set<string>()
  for (const { id, body } of records) {
    if (body.kind === 'intent' && body.verdict === 'permit') unsettled.add(id)
    if (body.kind === 'outcome')
      expect(unsettled.delete(body.of), `an intent before its outcome ${id}`).toBe(true)
  }
  expect([...unsettled]).toEqual([])
}

describe('whatever happens, in whatever order', () => {
  it('the chain holds, each intent has its one outcome after it, and rows stand where outcomes say so', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
        const folder = await dataFolder('crashes')
        site = await open(folder.path)
        for (const one of steps) {
          if (one.kind === 'crash') {
            const after: Awaited<ReturnType<typeof crash>> = await crash(folder.path, site, one)
            const expected = one.during === 'model' && one.did ? 'took_place' : 'did_not_take_place'
            expect(after.settled.map(({ resolution }) => resolution)).toEqual([expected])
            site = after.site
          } else await tell(site, one)
        }
        checkOrder(await site.journal.read({ from: 1, limit: 1_000 }))
        expect(await site.journal.openIntents()).toEqual([])
        expect(await verifyJournal(site.db, key.publicKey)).toMatchObject({ holds: true })
        const notes = await site.db.query(
          `select 1 from note full join (
             select of from journal.record where kind = 'outcome' and text::jsonb #>> '{body,status}' = 'performed'
               and of in (select id from journal.record where action = 'note.record')) told on told.of = note.id
           where told.of is null or note.id is null`,
        )
        expect(notes).toEqual([])
        await site.db.close()
        site = null
        await folder.remove()
      }),
      { numRuns: 3 },
    )
  })
})

async function tell({ kernel, journal }: Site, one: Exclude<Step, { kind: 'crash' }>): Promise<void> {
  switch (one.kind) {
    case 'note': {
      const answer = await kernel.admit(note(one.end), technicianAsks('note.record', { text: 'a' }))
      expect(answer.kind).toBe(one.end === 'well' ? 'performed' : 'failed')
      return
    }
    case 'model': {
      const answer = await kernel.admit(model(one.end), technicianAsks('model.understand', { text: 'a' }))
      expect(answer.kind).toBe(one.end === 'well' ? 'performed' : 'failed')
      return
    }
    case 'denied': {
      const request = technicianAsks('note.record', {}, { confidence: 0.1 })
      expect((await kernel.admit(note('well'), request)).kind).toBe('denied')
      return
    }
    case 'seal':
      await journal.sealNext()
  }
}
