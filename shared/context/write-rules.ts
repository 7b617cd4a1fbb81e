/**
 * What a device may write, and how concurrent writes are merged: declared once, as data, and read by both sides.
 *
 * A field is the unit that is merged: one column, or several that only make sense together. Changes of different fields
 * of a row always merge. Two changes of one field that did not see each other go to the field's policy:
 *
 * - `server_wins`: what stands at the centre stays; the other version is kept as a conflict that a person may look at.
 * - `person`: the same in the meantime, and a person is asked through the inbox.
 * - `counter`: the patch holds a difference, and differences add up.
 * - `append`: the patch holds new items of a list, and both lists' items are in it.
 */
import { invariant } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { CONTEXT_TABLES, ROW_SCHEMAS, type ContextTable, type MergePolicy } from './tables.ts'

export interface WriteField {
  readonly name: string
  readonly columns: readonly string[]
  readonly policy: MergePolicy
}

export interface WriteRules {
  /** How a new row is taken back, since nothing that was said is deleted; null where devices make no rows. */
  readonly undoCreate: JsonObject | null
  readonly fields: readonly WriteField[]
}

const one = (name: string, policy: MergePolicy): WriteField => ({ name, columns: [name], policy })

/** The order of technicians' columns is the order in which a conflict names them. */
const RULES: Partial<Record<ContextTable, WriteRules>> = {
  asset: { undoCreate: null, fields: [one('aliases', 'append')] },
  part: { undoCreate: null, fields: [one('stock', 'counter'), one('aliases', 'append')] },
  work_order: {
    undoCreate: null,
    fields: [
      // Closed by one and put on hold by the other: nobody but a person knows. The time belongs to the status.
      { name: 'status', columns: ['status', 'closedAt'], policy: 'person' },
      one('assigneeId', 'server_wins'),
      one('priority', 'server_wins'),
      one('description', 'person'),
    ],
  },
  reading: { undoCreate: { withdrawn: true }, fields: [one('withdrawn', 'server_wins')] },
  note: { undoCreate: { withdrawn: true }, fields: [one('text', 'person'), one('withdrawn', 'server_wins')] },
  part_order: {
    undoCreate: { status: 'withdrawn' },
    fields: [one('status', 'server_wins'), one('count', 'person')],
  },
  inbox_item: { undoCreate: { status: 'withdrawn' }, fields: [one('status', 'server_wins')] },
  write_conflict: { undoCreate: null, fields: [one('choice', 'server_wins')] },
}

/** Undefined for a table that devices do not write. */
export function writeRules(table: ContextTable): WriteRules | undefined {
  return RULES[table]
}

/** The field of a column; undefined for one that devices do not write. */
export function fieldOf(table: ContextTable, column: string): WriteField | undefined {
  return RULES[table]?.fields.find(({ columns }) => columns.includes(column))
}

checkRules()

/** A rule that names no column, or a policy that its column cannot follow, stops the program that has it. */
function checkRules(): void {
  for (const table of CONTEXT_TABLES) {
    const rules = RULES[table]
    if (rules === undefined) continue
    const entries: Readonly<Record<string, { readonly type: string }>> = ROW_SCHEMAS[table].entries
    const named = rules.fields.flatMap(({ columns }) => columns)
    invariant(new Set(named).size === named.length, `${table}: a column is in one field`)
    for (const column of [...named, ...Object.keys(rules.undoCreate ?? {})])
      invariant(entries[column] !== undefined, `${table}.${column} is a column`)
    for (const { policy, columns } of rules.fields) {
      const [column] = columns
      if (column === undefined || policy === 'server_wins' || policy === 'person') continue
      invariant(columns.length === 1, `${table}.${column}: ${policy} is for one column`)
      invariant(rules.undoCreate === null, `${table}.${column}: ${policy} is for rows that the centre makes`)
      const wanted = policy === 'counter' ? 'number' : 'array'
      invariant(entries[column]?.type === wanted, `${table}.${column}: ${policy} needs a ${wanted}`)
    }
  }
}
