/**
 * A device's change of synced data, applied exactly once by its record id, and merged field by field by the table's rules
 * (`shared/context/write-rules.ts`). Whatever comes of it goes back down: the row, a conflict with both versions where there
 * is one, and a row of `write_result`, whose version is lower than its row's so that no copy shows one without the other.
 */
import {
  columnSchema,
  checkPatch,
  intentOf,
  isStorable,
  type WriteIntent,
} from '../../shared/context/write-intent.ts'
import { isContextTable, type ContextTable, type Rejection } from '../../shared/context/tables.ts'
import { ContextVersionRefused, OWN_FORM, stepFor, type ContextForm } from '../../shared/context/version.ts'
import type { WriteField } from '../../shared/context/write-rules.ts'
import type { DeviceId, SiteId, TenantId } from '../../shared/ids.ts'
import type { JournalRecord, WriteBody } from '../../shared/journal/record.ts'
import * as v from 'valibot'
import type { Transaction } from '../../shared/sql/port.ts'
import { personBehind, reasonOf } from './conflicts.ts'
import { mergeIntent } from './merge-row.ts'
import { settleByDevice } from './settle.ts'
import { findRow, putRow, reserveVersion, type StoredRow } from './store.ts'

export type WriteOutcome =
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'conflict'; readonly version: number }
  | { readonly kind: 'rejected'; readonly code: Rejection; readonly reason: string }
  /** It was settled before; nothing was done. */
  | { readonly kind: 'duplicate' }

export interface Writer {
  readonly tenant: TenantId
  readonly site: SiteId
  readonly device: DeviceId
}

type Settled = Exclude<WriteOutcome, { kind: 'duplicate' }>
type Rejected = Extract<WriteOutcome, { kind: 'rejected' }>
type WriteRecord = Pick<JournalRecord, 'id'> & { readonly body: WriteBody }

/** Applies a verified journal record whose body is a `write`; `form` is that of the centre's rows. To be called in the transaction that stores the record. */
export async function applyWrite(
  tx: Transaction,
  writer: Writer,
  record: WriteRecord,
  form: ContextForm = OWN_FORM,
): Promise<WriteOutcome> {
  const result = { tenant: writer.tenant, table: 'write_result', key: record.id } as const
  if ((await findRow(tx, writer.tenant, result)) !== null) return { kind: 'duplicate' }
  const version = await reserveVersion(tx)
  const outcome = await inOwnForm(tx, { writer, record, form })
  const isRejected = outcome.kind === 'rejected'
  await putRow(tx, {
    ...result,
    body: {
      table: shown(record.body.table),
      key: shown(record.body.key).slice(0, 100) || '-',
      outcome: outcome.kind,
      code: isRejected ? outcome.code : null,
      reason: isRejected ? shown(outcome.reason) : reasonOf(outcome.kind),
      rowVersion: isRejected ? 0 : outcome.version,
    },
    site: writer.site,
    device: writer.device,
    write: { id: record.id, origin: writer.device },
    version,
  })
  return outcome
}

/** V2: what a device of the version before wrote is read in the centre's form, and checked and merged like any other. */
async function inOwnForm(
  tx: Transaction,
  {
    writer,
    record,
    form,
  }: { readonly writer: Writer; readonly record: WriteRecord; readonly form: ContextForm },
): Promise<Settled> {
  const intent = intentOf(record)
  if (intent === null) return rejected('schema', 'its patch is no JSON object')
  try {
    const { table, patch, base } = intent
    const steps = stepFor(form, record.body.contextVersion)
    const step = isContextTable(table) ? steps?.tables[table] : undefined
    const read = step === undefined ? intent : { ...intent, patch: step.up(patch), base: step.up(base) }
    return await attempt(tx, { writer, record, intent: read })
  } catch (error) {
    if (!(error instanceof ContextVersionRefused)) throw error
    return rejected('version', `${error.message}. ${error.remedy}`)
  }
}

async function attempt(
  tx: Transaction,
  {
    writer,
    record,
    intent,
  }: { readonly writer: Writer; readonly record: WriteRecord; readonly intent: WriteIntent },
): Promise<Settled> {
  const { table, key, dependsOn } = intent
  if (!isContextTable(table)) return rejected('forbidden', `there is no table ${table.slice(0, 40)}`)
  if (key.length < 1 || key.length > 100 || !isStorable(key))
    return rejected('schema', 'its key is too long, or empty')
  for (const id of dependsOn) {
    const standing = await findRow(tx, writer.tenant, { table: 'write_result', key: id })
    if (standing?.device !== writer.device || standing.body['outcome'] === 'rejected')
      return rejected('dependency', 'a write that it builds on was not taken')
  }
  const before = await findRow(tx, writer.tenant, { table, key })
  if (before !== null && !isVisible(before, writer))
    return rejected('scope', 'the row is outside the device’s scope')
  const isNew = intent.baseVersion === 0 && dependsOn.length === 0
  if (before === null && !isNew) return rejected('missing_row', 'the row is no longer at the centre')
  if (before !== null && isNew) return rejected('key_taken', 'there is such a row already')
  const checked = checkPatch(table, intent.patch, isNew)
  if (checked.kind === 'refused') return rejected(checked.code, checked.reason)
  if (before === null) return await create(tx, { writer, record, intent, table })
  const fault = baseFault(table, intent, checked.fields)
  if (fault !== null) return fault
  const by = { ...writer, person: await personBehind(tx, { ...writer, of: record.body.of }) }
  if (table === 'write_conflict') return await settleByDevice(tx, by, { writeId: record.id, intent })
  return await mergeIntent(tx, by, { writeId: record.id, intent, table, row: before, fields: checked.fields })
}

async function create(
  tx: Transaction,
  step: {
    readonly writer: Writer
    readonly record: WriteRecord
    readonly intent: WriteIntent
    readonly table: ContextTable
  },
): Promise<Settled> {
  const { writer, record, intent, table } = step
  // So that no two devices can make a row of one key, and no order of arrival decides whose it is.
  if (intent.key !== record.body.of) return rejected('schema', 'a new row is named after its effect')
  const version = await putRow(tx, {
    tenant: writer.tenant,
    table,
    key: intent.key,
    body: intent.patch,
    site: writer.site,
    device: null,
    write: { id: record.id, origin: writer.device },
  })
  return { kind: 'applied', version }
}

/** What the device saw may come to stand again, so it is checked like what it wants. */
function baseFault(
  table: ContextTable,
  { base }: WriteIntent,
  fields: readonly WriteField[],
): Rejected | null {
  for (const { policy, columns } of fields) {
    if (policy === 'counter' || policy === 'append') continue
    for (const column of columns) {
      const schema = columnSchema(table, column)
      if (schema === undefined || !v.is(schema, base[column]))
        return rejected('schema', `it does not say what ${column} was`)
    }
  }
  return null
}

function isVisible(row: StoredRow, writer: Writer): boolean {
  return (
    (row.site === null || row.site === writer.site) && (row.device === null || row.device === writer.device)
  )
}

function rejected(code: Rejection, reason: string): Rejected {
  return { kind: 'rejected', code, reason }
}

/** What a record says, as far as a row can hold it. */
function shown(text: string): string {
  return text.replaceAll('\0', '').toWellFormed().slice(0, 200)
}
