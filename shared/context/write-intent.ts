/**
 * A device's change of synced data as an intent: what it changes, what it saw before, what it stands on. The id is its
 * journal record's (UUID version 7), the device's sequence is the record's. Device and centre check a patch by the same code.
 */
import * as v from 'valibot'
import type { WriteBody } from '../journal/record.ts'
import type { Json, JsonObject } from '../json.ts'
import { describeIssues } from '../wire/answer.ts'
import { ROW_SCHEMAS, type ContextTable, type Rejection } from './tables.ts'
import { fieldOf, writeRules, type WriteField } from './write-rules.ts'

/** One difference of a counter: far beyond any stock, and so small that sums stay exact. */
const MAX_DIFFERENCE = 1_000_000_000

/** The end of the year 9999: what ISO 8601 writes with four digits. */
const LAST_STAMP_MS = 253_402_300_799_999

export interface WriteIntent {
  readonly table: string
  readonly key: string
  /** Column -> value; of a counter the difference, of a list the items to add (with `undoes`, to take out). */
  readonly patch: JsonObject
  /** The changed columns as they were at `baseVersion`, without the device's own pending changes; empty for a new row. */
  readonly base: JsonObject
  readonly baseVersion: number
  /** When it was made by the device's clock, which never steps back within a device. Orders concurrent writes. */
  readonly stampMs: number
  /** The stamp of the first pending write of the same fields: since when the device holds them. */
  readonly sinceMs: number
  /** Writes of the same device that must have been taken before. */
  readonly dependsOn: readonly string[]
  /** The write that it takes back. */
  readonly undoes: string | null
}

/** Null when the record's texts are no JSON objects: it is outside input like any other. */
export function intentOf(record: { readonly id: string; readonly body: WriteBody }): WriteIntent | null {
  const { table, key, baseVersion, sinceMs, dependsOn, undoes } = record.body
  const patch = parsePatch(record.body.patch)
  const base = parsePatch(record.body.base ?? '{}')
  if (patch === null || base === null) return null
  const stampMs = Math.min(record.body.stampMs ?? millisecondsOf(record.id), LAST_STAMP_MS)
  return {
    table,
    key,
    patch,
    base,
    baseVersion,
    stampMs,
    sinceMs: sinceMs ?? stampMs,
    dependsOn: dependsOn ?? [],
    undoes: undoes ?? null,
  }
}

export type PatchVerdict =
  | { readonly kind: 'good'; readonly fields: readonly WriteField[] }
  | { readonly kind: 'refused'; readonly code: Rejection; readonly reason: string }

/** Whether devices may write this, and whether each value is one. What else is in the row does not matter. */
export function checkPatch(table: ContextTable, patch: JsonObject, isNew: boolean): PatchVerdict {
  const rules = writeRules(table)
  if (rules === undefined) return refused('forbidden', `devices do not write ${table}`)
  if (isNew) {
    if (rules.undoCreate === null) return refused('missing_row', `there is no such ${table}`)
    const parsed = v.safeParse(ROW_SCHEMAS[table], patch)
    return parsed.success
      ? { kind: 'good', fields: rules.fields }
      : refused('schema', describeIssues(parsed.issues))
  }
  const fields = new Set<WriteField>()
  for (const [column, value] of Object.entries(patch)) {
    const field = fieldOf(table, column)
    if (field === undefined) return refused('forbidden', `devices do not write ${table}.${column}`)
    const why = valueFault(table, { column, value }, field)
    if (why !== null) return refused('schema', `${column}: ${why}`)
    fields.add(field)
  }
  if (fields.size === 0) return refused('schema', 'it changes nothing')
  for (const { columns } of fields)
    if (columns.some((column) => patch[column] === undefined))
      return refused('schema', `${columns.join(' and ')} are written together`)
  return { kind: 'good', fields: [...fields] }
}

/** Undefined for a column that the table has not. */
export function columnSchema(
  table: ContextTable,
  column: string,
): v.GenericSchema<unknown, Json> | undefined {
  const entries = ROW_SCHEMAS[table].entries as Readonly<Record<string, v.GenericSchema<unknown, Json>>>
  return Object.hasOwn(entries, column) ? entries[column] : undefined
}

function valueFault(
  table: ContextTable,
  { column, value }: { readonly column: string; readonly value: Json | undefined },
  { policy }: WriteField,
): string | null {
  if (policy === 'counter') {
    const isGood = Number.isSafeInteger(value) && Math.abs(value as number) <= MAX_DIFFERENCE
    return isGood ? null : `a counter takes a whole difference of at most ${MAX_DIFFERENCE}`
  }
  if (policy === 'append' && (!Array.isArray(value) || value.length === 0))
    return 'a list takes the items to add'
  const schema = columnSchema(table, column)
  if (schema === undefined) return 'there is no such column'
  const parsed = v.safeParse(schema, value)
  return parsed.success ? null : describeIssues(parsed.issues)
}

const PatchSchema = v.record(v.pipe(v.string(), v.maxLength(60)), v.any())

function parsePatch(text: string): JsonObject | null {
  try {
    const parsed = v.safeParse(PatchSchema, JSON.parse(text))
    return parsed.success && isStorable(parsed.output) ? parsed.output : null
  } catch {
    return null // A patch is outside input: one that is no JSON is rejected, and shown as such.
  }
}

/** JSON has values that PostgreSQL's jsonb refuses, or that come back as others: U+0000, half characters, 1e999. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isStorable)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, item]) => isStorable(name) && isStorable(item))
}

/** A UUID version 7 begins with the milliseconds at which it was made. */
function millisecondsOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}

function refused(code: Rejection, reason: string): PatchVerdict {
  return { kind: 'refused', code, reason: reason.slice(0, 200) }
}
