/**
 * A person's choice between the two versions of a conflict. It is the centre's word on the field from then on: writes that
 * had not seen it do not undo it. Two people may choose; the first who is heard has chosen, the second is told.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { isContextTable, type Rejection, type RowOf } from '../../shared/context/tables.ts'
import { columnSchema, type WriteIntent } from '../../shared/context/write-intent.ts'
import { writeRules } from '../../shared/context/write-rules.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { centrePerformer } from '../performer.ts'
import { changeRow, fieldConflicts, pruneSettled, tellConflicts, tellResult } from './conflicts.ts'
import { readField, readList, writeField, type FieldPlace } from './field-store.ts'
import { dropClaim, listOf, mergeCentre, valueOf } from './merge.ts'
import { findRow, putRow, reserveVersion, type StoredRow } from './store.ts'

export type Choice = 'ours' | 'theirs'

export class NoSuchConflict extends StarlingError {
  override readonly code = 'no_such_conflict'
}

export class ConflictSettled extends StarlingError {
  override readonly code = 'conflict_settled'
}

export class ListFull extends StarlingError {
  override readonly code = 'list_full'
}

const InputSchema = v.strictObject({ id: v.string(), take: v.picklist(['ours', 'theirs']) })

/** `context.settle`, asked for at the centre. */
export function settlePerformer(parts: {
  readonly tenant: TenantId
  readonly clock: Clock
}): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('context.settle', InputSchema, async ({ tx, principal }, { id, take }) => {
    const at = new Date(parts.clock.nowMs()).toISOString()
    await settle(tx, parts.tenant, { id, take, by: principal.id, at })
    return { id, take }
  })
}

/** The same, asked for on a device: it comes up as a write of the conflict's `choice`. */
export async function settleByDevice(
  tx: Transaction,
  by: { readonly tenant: TenantId; readonly device: DeviceId; readonly person: string | null },
  choice: { readonly writeId: string; readonly intent: WriteIntent },
): Promise<
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'rejected'; readonly code: Rejection; readonly reason: string }
> {
  const { key, patch, stampMs } = choice.intent
  const take = patch['choice']
  if (take !== 'ours' && take !== 'theirs')
    return { kind: 'rejected', code: 'schema', reason: 'a choice is “ours” or “theirs”' }
  try {
    const at = new Date(stampMs).toISOString()
    await settle(tx, by.tenant, { id: key, take, by: by.person ?? by.device, at })
    return { kind: 'applied', version: await reserveVersion(tx) }
  } catch (thrown) {
    if (thrown instanceof ConflictSettled || thrown instanceof NoSuchConflict || thrown instanceof ListFull)
      return { kind: 'rejected', code: 'settled', reason: thrown.message }
    throw thrown
  }
}

interface Decision {
  readonly id: string
  readonly take: Choice
  readonly by: string
  readonly at: string
}

/** Throws {@link NoSuchConflict}, {@link ConflictSettled}, {@link ListFull}; then nothing has been written. */
async function settle(tx: Transaction, tenant: TenantId, decision: Decision): Promise<void> {
  const found = await findRow(tx, tenant, { table: 'write_conflict', key: decision.id })
  if (found === null)
    throw new NoSuchConflict('There is no such conflict.', {
      remedy: 'See `starling context conflicts`: one that was overwritten since is gone.',
    })
  const conflict = found.body as RowOf<'write_conflict'>
  if (conflict.status === 'settled')
    throw new ConflictSettled(`${conflict.settledBy ?? 'Somebody'} settled it already.`, {
      remedy: 'Change the row itself if that was wrong.',
    })
  const { table, key } = conflict
  const field = isContextTable(table)
    ? writeRules(table)?.fields.find(({ name }) => name === conflict.field)
    : undefined
  const row = isContextTable(table) ? await findRow(tx, tenant, { table, key }) : null
  const writeId = decision.id.slice(0, decision.id.indexOf('.'))
  if (isContextTable(table) && field !== undefined && row !== null) {
    const at = { tenant, table, key, field }
    if (field.policy === 'append') await settleList(tx, at, { row, writeId, take: decision.take })
    else await settleField(tx, at, { row, writeId, take: decision.take })
  }
  const { take, by, at } = decision
  const said = { settledBy: by.slice(0, 200), settledAt: at }
  await changeRow(
    tx,
    tenant,
    { table: 'write_conflict', key: decision.id },
    { status: 'settled', choice: take, ...said },
  )
  await changeRow(
    tx,
    tenant,
    { table: 'inbox_item', key: decision.id },
    { status: 'answered', answer: take, answeredBy: said.settledBy, answeredAt: at },
  )
  if (take === 'ours') await tellResult(tx, tenant, writeId, 'applied')
  await pruneSettled(tx, tenant)
}

interface Settling {
  readonly row: StoredRow
  readonly writeId: string
  readonly take: Choice
}

async function settleField(tx: Transaction, at: FieldPlace, { row, writeId, take }: Settling): Promise<void> {
  const held = await readField(tx, at, row)
  const ours = held.claims.find((claim) => claim.writeId === writeId)
  const value = take === 'ours' && ours !== undefined ? ours.value : valueOf(held)
  const version = await reserveVersion(tx)
  const before = dropClaim(held, writeId)
  const state = mergeCentre(before, value, version)
  await putChanged(tx, at, row, { value, version })
  await writeField(tx, at, state)
  await tellConflicts(
    tx,
    { ...at, row },
    { before: fieldConflicts(before).filter((one) => one.writeId !== writeId), after: fieldConflicts(state) },
  )
}

/** Room for what did not fit has to be made first: then the items are in by themselves. */
async function settleList(tx: Transaction, at: FieldPlace, { row, writeId, take }: Settling): Promise<void> {
  const held = await readList(tx, at, row)
  const [column = ''] = at.field.columns
  const state = { ...held, added: held.added.filter((one) => one.writeId !== writeId) }
  const schema = columnSchema(at.table, column)
  const { list } = listOf(state, (items) => schema !== undefined && v.is(schema, items))
  const items = held.added.find((one) => one.writeId === writeId)?.items ?? []
  const wanted: readonly Json[] = take === 'ours' ? [...list, ...items] : list
  if (schema === undefined || !v.is(schema, wanted))
    throw new ListFull(`${column} has no room for it.`, { remedy: 'Take something out of the list first.' })
  const version = await reserveVersion(tx)
  await putChanged(tx, at, row, { value: { [column]: wanted }, version })
  await writeField(tx, at, take === 'ours' ? { own: wanted, added: [] } : state)
}

async function putChanged(
  tx: Transaction,
  { tenant, table, key }: FieldPlace,
  row: StoredRow,
  change: { readonly value: JsonObject; readonly version: number },
): Promise<void> {
  await putRow(tx, {
    tenant,
    table,
    key,
    body: { ...row.body, ...change.value },
    site: row.site as SiteId | null,
    device: row.device as DeviceId | null,
    write: null,
    version: change.version,
  })
}
