/**
 * What `admit` adds: the same rows written bare (one durable transaction) and through the kernel (intent, budget, policy,
 * outcome, payloads, outbox), in turn, on one database, so that the ratio is of one run.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import * as v from 'valibot'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { openJournal } from '../../shared/journal/journal.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { EffectRequest, Kernel, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { createKernel } from '../../shared/kernel/kernel.ts'
import { openMetrics } from '../../shared/metrics/metrics.ts'
import { fieldServicePolicy } from '../../shared/policy/field-service-policy.ts'
import { evaluatePolicy } from '../../shared/policy/policy.ts'
import { openPolicy, signPolicy, type SignedPolicy } from '../../shared/policy/signed-policy.ts'
import { generateKeyPair } from '../../shared/signing/ed25519.ts'
import { openDatabase } from '../../shared/sql/open-database.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import { quantile, type BenchReport } from './report.ts'

const WARM_UP = 50
const ROUNDS = 400
/** The goal of a turn: 200 ms from the end of speech to the action (`npm run bench -- turn`). */
const TURN_US = 200_000
/** The goal of the kernel: its whole work within this share of a turn. */
const SHARE_OF_TURN = 0.05

const request: EffectRequest<JsonObject> = {
  principal: { kind: 'person', id: 'amara', roles: ['technician'] },
  action: 'note.record',
  resource: { type: 'note', id: 'new' },
  dataClass: 'internal',
  input: { text: 'the seal on pump three is worn, order a new one' },
  confidence: 0.93,
  turn: null,
  cost: 1,
}

export async function run(progress: (line: string) => void): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-kernel-'))
  const db = await openDatabase({ dir: folder })
  try {
    await db.script('create table bench_note (id bigint generated always as identity primary key, text text)')
    const { kernel, policy } = await openKernel(db)
    progress(`writing ${ROUNDS} notes bare and as many through the kernel, in turn`)
    const { bare, admitted } = await measure(db, kernel)
    const added = admitted.map((us, at) => us - (bare[at] ?? 0))
    return {
      bench: 'kernel',
      rows: [
        { name: 'bare durable transaction p50', value: quantile(bare, 0.5), unit: 'us' },
        { name: 'admitted effect p50', value: quantile(admitted, 0.5), unit: 'us' },
        { name: 'admit adds p50', value: quantile(added, 0.5), unit: 'us', baseline: quantile(bare, 0.5) },
        { name: 'admit adds p95', value: quantile(added, 0.95), unit: 'us', baseline: quantile(bare, 0.95) },
        {
          name: 'admitted to bare p50',
          value: quantile(admitted, 0.5) / quantile(bare, 0.5),
          unit: 'ratio',
          baseline: 1,
        },
        {
          name: 'one effect: added share of a 200 ms turn p50',
          value: quantile(added, 0.5) / TURN_US,
          unit: 'ratio',
          baseline: TURN_US,
          goal: { op: '<=', value: SHARE_OF_TURN },
        },
        {
          // Transcribe, remember, understand, act, remember.
          name: 'a turn of five effects: added share p50',
          value: (5 * quantile(added, 0.5)) / TURN_US,
          unit: 'ratio',
          baseline: TURN_US,
          goal: { op: '<=', value: SHARE_OF_TURN },
        },
        { name: 'policy decision', value: decisionUs(policy), unit: 'us' },
      ],
    }
  } finally {
    await db.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function openKernel(db: Database): Promise<{ kernel: Kernel; policy: SignedPolicy }> {
  const signer = generateKeyPair()
  const document = {
    ...fieldServicePolicy({ environment: 'development', version: 1, nowMs: Date.now() }),
    budget: { effects: 1_000_000, windowS: 3_600 },
  }
  const policy = openPolicy(signPolicy(document, [signer]), {
    keys: [signer.publicKey],
    environment: 'development',
    held: null,
  })
  const journal = await openJournal({ db, origin: 'bench', key: generateKeyPair(), clock: systemClock })
  const kernel = await createKernel({
    db,
    journal,
    policy: () => policy,
    clock: systemClock,
    metrics: openMetrics(),
  })
  return { kernel, policy }
}

async function measure(
  db: Database,
  kernel: Kernel,
): Promise<{ readonly bare: readonly number[]; readonly admitted: readonly number[] }> {
  const bare: number[] = []
  const admitted: number[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const bareUs = await timed(async () => {
      await db.transaction(async (tx) => await writeNote(tx, request.input))
    })
    const admittedUs = await timed(async () => {
      const answer = await kernel.admit(notePerformer, request)
      if (answer.kind !== 'performed') throw new Error(`the effect was ${answer.kind}`)
    })
    if (round < WARM_UP) continue
    bare.push(bareUs)
    admitted.push(admittedUs)
  }
  return { bare, admitted }
}

const notePerformer: TransactionalPerformer<JsonObject, JsonObject> = {
  kind: 'transactional',
  action: 'note.record',
  accepts: v.looseObject({}),
  route: () => ({
    provider: 'starling',
    model: 'bench/1',
    digest: null,
    region: 'device',
    reason: 'a benchmark',
  }),
  perform: async (admitted, tx) => {
    const { request: asked } = redeem(admitted, 'note.record')
    return await writeNote(tx, asked.input)
  },
  check: () => undefined,
}

async function writeNote(sql: Queryable, input: JsonObject): Promise<JsonObject> {
  const [row] = await sql.query<{ id: number }>('insert into bench_note (text) values ($1) returning id', [
    input['text'] ?? null,
  ])
  return { id: row?.id ?? 0 }
}

function decisionUs({ document }: SignedPolicy): number {
  const times = 20_000
  const nowMs = Date.now()
  const start = performance.now()
  for (let index = 0; index < times; index += 1)
    evaluatePolicy(document, request, { region: 'device' }, nowMs)
  return ((performance.now() - start) * 1_000) / times
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) * 1_000
}
