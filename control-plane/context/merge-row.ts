/** One intent into one row: each field by its policy, then the row, its fields and their conflicts. */
import type { Rejection, ContextTable } from '../../shared/context/tables.ts'
import { columnSchema, type WriteIntent } from '../../shared/context/write-intent.ts'
import type { WriteField } from '../../shared/context/write-rules.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import * as v from 'valibot'
import type { Transaction } from '../../shared/sql/port.ts'
import { fieldConflicts, listConflicts, tellConflicts, type Conflict } from './conflicts.ts'
import { readField, readList, valueIn, writeField, type FieldPlace } from './field-store.ts'
import { listOf, mergeWrite, valueOf, type FieldState, type ListState } from './merge.ts'
import { putRow, reserveVersion, type StoredRow } from './store.ts'

/** Additions to one list that are remembered: far beyond what a list of the tables holds. */
const MAX_ADDITIONS = 200

interface By {
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly person: string | null
}

interface Step {
  readonly writeId: string
  readonly intent: WriteIntent
  readonly table: ContextTable
  readonly row: StoredRow
  readonly fields: readonly WriteField[]
}

interface Merged {
  readonly at: FieldPlace
  readonly value: JsonObject
  /** Null for a counter, of which nothing but its value is remembered. */
  readonly state: FieldState | ListState | null
  readonly before: readonly Conflict[]
  readonly after: readonly Conflict[]
}

export async function mergeIntent(
  tx: Transaction,
  by: By,
  step: Step,
): Promise<
  | { readonly kind: 'applied' | 'conflict'; readonly version: number }
  | { readonly kind: 'rejected'; readonly code: Rejection; readonly reason: string }
> {
  const { writeId, table, row, intent } = step
  const version = await reserveVersion(tx)
  const merged: Merged[] = []
  for (const field of step.fields) {
    const at = { tenant: by.tenant, table, key: intent.key, field }
    const one = await mergeField(tx, at, { ...step, by, version })
    if (one === null)
      return { kind: 'rejected', code: 'list_full', reason: `${field.name} takes no more for now` }
    merged.push(one)
  }
  await putRow(tx, {
    tenant: by.tenant,
    table,
    key: intent.key,
    body: Object.assign({}, row.body, ...merged.map(({ value }) => value)) as JsonObject,
    site: row.site as SiteId | null,
    device: row.device as DeviceId | null,
    write: { id: writeId, origin: by.device },
    version,
  })
  for (const { at, state, before, after } of merged) {
    if (state !== null) await writeField(tx, at, state)
    await tellConflicts(tx, { ...at, row }, { before, after })
  }
  const lost = merged.some(({ after }) => after.some((conflict) => conflict.writeId === writeId))
  return { kind: lost ? 'conflict' : 'applied', version }
}

type FieldStep = Step & { readonly by: By; readonly version: number }

async function mergeField(tx: Transaction, at: FieldPlace, step: FieldStep): Promise<Merged | null> {
  const { policy } = at.field
  if (policy === 'counter') return count(at, step)
  if (policy === 'append') return await add(tx, at, step)
  const { intent, by, writeId, version } = step
  const before = await readField(tx, at, step.row)
  const { stampMs, sinceMs, baseVersion } = intent
  const state = mergeWrite(before, {
    writeId,
    device: by.device,
    person: by.person,
    stampMs,
    sinceMs: Math.min(stampMs, sinceMs),
    version,
    baseVersion,
    base: valueIn(intent.base, at.field),
    value: valueIn(intent.patch, at.field),
  })
  return { at, state, value: valueOf(state), before: fieldConflicts(before), after: fieldConflicts(state) }
}

function count(at: FieldPlace, { intent, row }: FieldStep): Merged {
  const [column = ''] = at.field.columns
  const sum = Number(row.body[column] ?? 0) + Number(intent.patch[column])
  return { at, state: null, value: { [column]: sum }, before: [], after: [] }
}

async function add(tx: Transaction, at: FieldPlace, step: FieldStep): Promise<Merged | null> {
  const { intent, by, writeId, row } = step
  const [column = ''] = at.field.columns
  const before = await readList(tx, at, row)
  const { device, person } = by
  const addition = { writeId, device, person, stampMs: intent.stampMs, items: intent.patch[column] as Json[] }
  const added =
    intent.undoes === null
      ? [...before.added, addition]
      : before.added.filter((one) => one.writeId !== intent.undoes || one.device !== device)
  if (added.length > MAX_ADDITIONS) return null
  const state = { ...before, added }
  const now = laid(at, state)
  const then = laid(at, before)
  return {
    at,
    state,
    value: { [column]: now.list },
    before: listConflicts(column, then.list, then.left),
    after: listConflicts(column, now.list, now.left),
  }
}

function laid({ table, field }: FieldPlace, state: ListState): ReturnType<typeof listOf> {
  const schema = columnSchema(table, field.columns[0] ?? '')
  return listOf(state, (list) => schema !== undefined && v.is(schema, list))
}
