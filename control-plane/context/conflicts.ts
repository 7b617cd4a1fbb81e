/**
 * Conflicts as rows: both versions, whose and when, for everybody who sees the row itself. Where the policy is that a
 * person chooses, the inbox gets an item of the same key.
 */
import type { RowOf } from '../../shared/context/tables.ts'
import type { SiteId, DeviceId, TenantId } from '../../shared/ids.ts'
import { isStorable } from '../../shared/context/write-intent.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { Queryable, Transaction } from '../../shared/sql/port.ts'
import type { FieldPlace } from './field-store.ts'
import { conflictsOf, valueOf, winnerOf, type FieldState, type ListState } from './merge.ts'
import { findRow, putRow, removeRow, type StoredRow } from './store.ts'

/** Of one text in a conflict: enough to choose by; the full one is kept where the choice is carried out. */
const SHOWN_CHARACTERS = 1_000
const SHOWN_OF_AN_ITEM = 80
/** Settled ones that are kept to be looked at; the journal has them all. */
const KEPT_SETTLED = 200

type Author = RowOf<'write_conflict'>['oursBy']

/** One losing write against what stands. */
export interface Conflict {
  readonly writeId: string
  readonly base: JsonObject
  readonly ours: JsonObject
  readonly theirs: JsonObject
  readonly oursBy: Author
  readonly theirsBy: Author
}

const THE_CENTRE: Author = { device: null, person: null, at: null }

export function fieldConflicts(state: FieldState): readonly Conflict[] {
  const winner = winnerOf(state.claims)
  const theirsBy = winner === null ? THE_CENTRE : authorOf(winner)
  const theirs = valueOf(state)
  return conflictsOf(state).map((claim) => {
    const { writeId, base, value: ours } = claim
    return { writeId, base, ours, theirs, oursBy: authorOf(claim), theirsBy }
  })
}

/** Additions for which a list had no room. */
export function listConflicts(
  column: string,
  list: readonly Json[],
  left: ListState['added'],
): readonly Conflict[] {
  return left.map((addition) => ({
    writeId: addition.writeId,
    base: {},
    ours: { [column]: addition.items },
    theirs: { [column]: list },
    oursBy: authorOf(addition),
    theirsBy: THE_CENTRE,
  }))
}

/** Brings the rows of a field's conflicts from what they were to what they are, with inbox items and write results. */
export async function tellConflicts(
  tx: Transaction,
  at: FieldPlace & { readonly row: Pick<StoredRow, 'site' | 'device' | 'body'> },
  change: { readonly before: readonly Conflict[]; readonly after: readonly Conflict[] },
): Promise<void> {
  const now = new Set(change.after.map(({ writeId }) => writeId))
  for (const { writeId } of change.before) {
    if (now.has(writeId)) continue
    await removeRow(tx, { tenant: at.tenant, table: 'write_conflict', key: keyOf(writeId, at) })
    await removeRow(tx, { tenant: at.tenant, table: 'inbox_item', key: keyOf(writeId, at) })
    await tellResult(tx, at.tenant, writeId, 'applied')
  }
  for (const conflict of change.after) {
    const scope = { site: at.row.site as SiteId | null, device: at.row.device as DeviceId | null }
    const place = { tenant: at.tenant, key: keyOf(conflict.writeId, at), ...scope, write: null }
    await putRow(tx, { ...place, table: 'write_conflict', body: conflictRow(at, conflict) })
    if (at.field.policy === 'person')
      await putRow(tx, { ...place, table: 'inbox_item', body: question(at, at.row.body, conflict) })
    await tellResult(tx, at.tenant, conflict.writeId, 'conflict')
  }
}

/** Changes columns of a row that the centre keeps itself; nothing where there is none. */
export async function changeRow(
  tx: Transaction,
  tenant: TenantId,
  at: { readonly table: 'inbox_item' | 'write_conflict' | 'write_result'; readonly key: string },
  change: JsonObject,
): Promise<void> {
  const row = await findRow(tx, tenant, at)
  if (row === null) return
  const { site, device } = row
  await putRow(tx, {
    tenant,
    ...at,
    body: { ...row.body, ...change },
    site: site as SiteId | null,
    device: device as DeviceId | null,
    write: null,
  })
}

/** The results of earlier writes change with what comes later; one that is still to be told is left alone. */
export async function tellResult(
  tx: Transaction,
  tenant: TenantId,
  writeId: string,
  outcome: 'applied' | 'conflict',
): Promise<void> {
  await changeRow(tx, tenant, { table: 'write_result', key: writeId }, { outcome, reason: reasonOf(outcome) })
}

export function reasonOf(outcome: 'applied' | 'conflict'): string | null {
  return outcome === 'applied' ? null : 'somebody else changed the same meanwhile; both versions are kept'
}

/** The oldest settled conflicts go when there are too many. */
export async function pruneSettled(tx: Transaction, tenant: TenantId): Promise<void> {
  const old = await tx.query<{ key: string }>(
    `select key from ops.row where tenant = $1 and tbl = 'write_conflict' and body->>'status' = 'settled'
     order by version desc offset $2`,
    [tenant, KEPT_SETTLED],
  )
  for (const { key } of old) await removeRow(tx, { tenant, table: 'write_conflict', key })
}

/** Who had the effect done that a record follows from; null where the centre does not hold the record. */
export async function personBehind(
  sql: Queryable,
  at: { readonly tenant: TenantId; readonly device: DeviceId; readonly of: string },
): Promise<string | null> {
  const [found] = await sql.query<{ text: string }>(
    'select text from ingest.record where tenant = $1 and device = $2 and id = $3',
    [at.tenant, at.device, at.of],
  )
  if (found === undefined) return null
  const { body } = parseRecord(found.text)
  return body.kind === 'intent' && isStorable(body.principal.id) ? body.principal.id : null
}

function keyOf(writeId: string, { field }: FieldPlace): string {
  return `${writeId}.${field.name}`
}

function conflictRow({ table, key, field }: FieldPlace, conflict: Conflict): JsonObject {
  const { base, ours, theirs, oursBy, theirsBy } = conflict
  return {
    table,
    key,
    field: field.name,
    policy: field.policy,
    status: 'open',
    base: clipped(base),
    ours: clipped(ours),
    theirs: clipped(theirs),
    oursBy: { ...oursBy },
    theirsBy: { ...theirsBy },
    choice: null,
    settledBy: null,
    settledAt: null,
  }
}

function question({ table, key, field }: FieldPlace, row: JsonObject, conflict: Conflict): JsonObject {
  const { ours, theirs, oursBy, theirsBy } = conflict
  const said = (values: JsonObject): string => {
    const value = values[field.columns[0] ?? ''] ?? null
    return typeof value === 'string'
      ? `“${/^[a-z_]+$/.test(value) ? value.replaceAll('_', ' ') : value}”`
      : JSON.stringify(value)
  }
  return {
    reason: 'write_conflict',
    question: [
      `Which counts? The ${field.name} of ${calledRow(table, row) ?? `${table} ${key}`}:`,
      `${nameOf(oursBy)} wants ${said(clipped(ours))},`,
      `${nameOf(theirsBy)} has ${said(clipped(theirs))}.`,
    ]
      .join(' ')
      .slice(0, 4_000)
      .toWellFormed(),
    turn: null,
    workOrderId: table === 'work_order' ? key : null,
    raisedAt: oursBy.at ?? new Date(0).toISOString(),
    raisedBy: nameOf(oursBy).slice(0, 200).toWellFormed(),
    status: 'open',
    answer: null,
    answeredBy: null,
    answeredAt: null,
  }
}

/** By columns that devices do not write: what stands there must not depend on who was heard first. */
function calledRow(table: string, row: JsonObject): string | null {
  const words = ['number', 'name', 'title']
    .map((column) => row[column])
    .filter((word) => typeof word === 'string')
  return words.length === 0 ? null : [table.replaceAll('_', ' '), words.join(', ')].join(' ')
}

function nameOf({ device, person }: Author): string {
  if (device === null) return 'the centre'
  return person === null ? device : `${person} (${device})`
}

function authorOf(write: {
  readonly device: string
  readonly person: string | null
  readonly stampMs: number
}): Author {
  return { device: write.device, person: write.person, at: new Date(write.stampMs).toISOString() }
}

function clipped(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).map(([column, value]) => [column, clippedValue(value)]))
}

function clippedValue(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => clippedText(item, SHOWN_OF_AN_ITEM))
  return clippedText(value, SHOWN_CHARACTERS)
}

function clippedText(value: Json, most: number): Json {
  if (typeof value !== 'string' || value.length <= most) return value
  return `${value.slice(0, most).toWellFormed()}…`
}
