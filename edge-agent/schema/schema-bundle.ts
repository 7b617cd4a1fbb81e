/**
 * The device's database follows the signed list of steps of its `schema` bundle. Each step is one governed effect and one
 * transaction with the note that it was taken, so that a stop anywhere leaves the old form or the new one.
 */
import { existsSync } from 'node:fs'
import {
  planSchema,
  stepDigest,
  type FormUser,
  type SchemaPlan,
  type TakenStep,
} from '../../rollout/schema-plan.ts'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Kernel, Principal, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Database, Queryable, Transaction } from '../../shared/sql/port.ts'
import { VersionSchema } from '../../shared/wire/bundle.ts'
import { SCHEMA_BUNDLE, type SchemaStep, type SchemaSteps } from '../../shared/wire/schema-steps.ts'
import type { Slots } from '../models-store/slots.ts'
import { columnsOf, type GoldenForm } from './form.ts'
import { readSignedSteps, SchemaRefused, type ReleaseTrust, type SignedSteps } from './signed-steps.ts'

export const MIGRATE = 'bundle.migrate'

/** One migration step. */
export const SCHEMA_STEPS_SQL = `
  create table device.schema_step (
    number integer primary key, kind text not null, name text not null, digest text not null,
    version text not null, taken_at timestamptz not null
  );
`

export interface SchemaBundleParts {
  readonly db: Database
  readonly kernel: Kernel
  readonly principal: Principal
  readonly clock: Clock
  readonly log: Log
  readonly slots: Pick<Slots, 'folder' | 'pointer'>
  readonly trust: ReleaseTrust
  /** The forms that this program itself reads and writes. */
  readonly ownUses: readonly string[]
}

export interface SchemaBundle {
  /** Verifies the list in `dir` and runs its open expanding steps in a transaction that is rolled back; the form must be that of its golden set. Throws {@link SchemaRefused}. */
  smoke(dir: string): Promise<void>
  /** Takes the open expanding steps of the list in `dir`, and the contracting ones that nobody stands in the way of. */
  confirm(dir: string): Promise<void>
  /** The same for the list that runs; to be called at start and when a slot changed. Does nothing without one. */
  settle(): Promise<void>
}

export function openSchemaBundle(parts: SchemaBundleParts): SchemaBundle {
  const confirm = async (dir: string): Promise<void> => {
    const signed = await readSignedSteps(dir, parts.trust)
    const { now, waiting } = await plan(parts, signed.list)
    for (const step of now) await take(parts, signed, step)
    for (const { step, usedBy } of waiting)
      parts.log.info(`schema step ${step.number} (${step.name}) waits: ${usedBy} still uses what it removes`)
  }
  return {
    confirm,
    smoke: async (dir) => {
      const { list, golden } = await readSignedSteps(dir, parts.trust)
      const { now } = await plan(parts, list)
      await tryOut(
        parts.db,
        now.filter(({ kind }) => kind === 'expand'),
        golden,
      )
    },
    settle: async () => {
      const pointer = await parts.slots.pointer(SCHEMA_BUNDLE)
      if (pointer !== null) await confirm(parts.slots.folder(SCHEMA_BUNDLE, pointer.active.slot))
    },
  }
}

async function plan(
  parts: SchemaBundleParts,
  list: SchemaSteps,
): Promise<Extract<SchemaPlan, { kind: 'steps' }>> {
  const found = planSchema(list, await takenSteps(parts.db), await formUsers(parts))
  if (found.kind === 'refused') throw new SchemaRefused(found.reason, found.detail)
  return found
}

async function takenSteps(sql: Queryable): Promise<readonly TakenStep[]> {
  return await sql.query<{ number: number; kind: SchemaStep['kind']; digest: string }>(
    'select number, kind, digest from device.schema_step order by number',
  )
}

/**
 * Whatever lies in a slot may be pointed at again. One that cannot be believed uses nothing: it would not be run. One that cannot
 * be read now may be readable later, so nothing is removed meanwhile: the disk's error goes on.
 */
async function formUsers({ slots, trust, ownUses }: SchemaBundleParts): Promise<readonly FormUser[]> {
  const users: FormUser[] = [{ name: 'this program', uses: ownUses }]
  for (const slot of ['a', 'b'] as const) {
    const dir = slots.folder(SCHEMA_BUNDLE, slot)
    if (!existsSync(dir)) continue
    const signed = await believed(dir, trust)
    if (signed !== null)
      users.push({ name: `version ${signed.version} in slot ${slot}`, uses: signed.list.uses })
  }
  return users
}

async function believed(dir: string, trust: ReleaseTrust): Promise<SignedSteps | null> {
  try {
    return await readSignedSteps(dir, trust)
  } catch (thrown) {
    if (thrown instanceof SchemaRefused) return null
    throw thrown
  }
}

class TriedOut extends Error {
  override readonly name = 'TriedOut'
}

/** Runs the steps and looks at the form that they make, which is then rolled back. */
async function tryOut(db: Database, steps: readonly SchemaStep[], golden: GoldenForm): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      for (const step of steps) await runStatements(tx, step)
      const columns = new Set(await columnsOf(tx))
      const missing = golden.added.find((column) => !columns.has(column))
      if (missing !== undefined)
        throw new SchemaRefused(
          'other_form',
          `after its steps there is no ${missing}, as it was when they were tried`,
        )
      throw new TriedOut()
    })
  } catch (thrown) {
    if (!(thrown instanceof TriedOut)) throw thrown
  }
}

async function runStatements(tx: Transaction, step: SchemaStep): Promise<void> {
  for (const statement of step.statements) await tx.query(statement)
}

async function take(parts: SchemaBundleParts, signed: SignedSteps, step: SchemaStep): Promise<void> {
  const answer = await parts.kernel.admit(stepPerformer(step, signed.version, parts.clock), {
    principal: parts.principal,
    action: MIGRATE,
    resource: { type: 'bundle', id: SCHEMA_BUNDLE },
    dataClass: 'internal',
    input: { number: step.number, kind: step.kind, digest: stepDigest(step), version: signed.version },
    confidence: null,
    turn: null,
    cost: 1,
  })
  if (answer.kind === 'performed') {
    parts.log.info(`the database took schema step ${step.number} (${step.name})`)
    return
  }
  const why = answer.kind === 'denied' ? answer.reason : answer.message
  throw new SchemaRefused('not_allowed', `step ${step.number} was not taken: ${why}`)
}

const InputSchema = v.strictObject({
  number: v.pipe(v.number(), v.integer(), v.minValue(1)),
  kind: v.picklist(['expand', 'contract']),
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  version: VersionSchema,
})

/** `bundle.migrate`: one step and the note of it, in the kernel's one transaction. */
export function stepPerformer(
  step: SchemaStep,
  version: string,
  clock: Clock,
): TransactionalPerformer<JsonObject, JsonObject> {
  return {
    kind: 'transactional',
    action: MIGRATE,
    accepts: InputSchema,
    route: () => ({
      provider: 'starling',
      model: `${SCHEMA_BUNDLE}@${version}`,
      digest: stepDigest(step),
      region: 'device',
      reason: 'the database lies on the device',
    }),
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, MIGRATE)
      await runStatements(tx, step)
      await tx.query(
        `insert into device.schema_step (number, kind, name, digest, version, taken_at)
         values ($1, $2, $3, $4, $5, $6::text::timestamptz)`,
        [step.number, step.kind, step.name, stepDigest(step), version, new Date(clock.nowMs()).toISOString()],
      )
      return { taken: request.input['number'] ?? null }
    },
    check: () => undefined,
  }
}
