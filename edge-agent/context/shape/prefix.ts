/**
 * How far all tables can go together. Each is told of its own log; what is applied goes up to the smallest transaction that every
 * one of them is complete to, so that the copy as a whole is what the centre had at one moment (C1, C2). Pure.
 */
import type { Operation } from './answer.ts'
import type { SyncEffect } from './machine.ts'
import { formatPosition, type Place } from './place.ts'

type Deliver = Extract<SyncEffect, { readonly kind: 'deliver' }>

/** One table between what it was told and what was applied of that. */
export interface Progress {
  /** A load is staged beside the copy: `open` until it is complete to some transaction. */
  readonly load: 'none' | 'open' | 'whole'
  /** The transaction that a whole load is complete to; it must not be shown before the others are so far. */
  readonly floor: bigint
  /** Operations of the log that were not applied, in order. */
  readonly pending: readonly Operation[]
  /** Where the copy resumes, were nothing of `pending` applied; null before a first piece. */
  readonly base: Place | null
  /** Where `pending` ends. */
  readonly place: Place | null
  /** The last transaction that it is complete to; null while that is not known. */
  readonly seen: bigint | null
}

export function startProgress(place: Place | null): Progress {
  return { load: 'none', floor: 0n, pending: [], base: place, place, seen: null }
}

/** The table is fetched anew: what was told of its old log is of no use. */
export function loadBegun(): Progress {
  return { load: 'open', floor: 0n, pending: [], base: null, place: null, seen: null }
}

export function delivered(progress: Progress, told: Deliver): Progress {
  const { place, operations, upTo } = told
  // The rows themselves are staged: here only where they end.
  if (told.part === 'load') return { ...progress, base: place, place }
  const pending = [...progress.pending, ...operations]
  const base = pending.length === 0 ? place : progress.base
  const next = { ...progress, pending, base, place }
  if (upTo === null)
    return progress.load === 'open' ? next : { ...next, seen: later(progress.seen, wholeTo(operations)) }
  const seen = later(later(progress.seen, upTo), operations.at(-1)?.at?.lsn ?? null)
  return progress.load === 'open' ? { ...next, seen, load: 'whole', floor: seen ?? 0n } : { ...next, seen }
}

/** A transaction whose last operation was not told yet may have more of them. */
function wholeTo(operations: readonly Operation[]): bigint | null {
  const last = operations.at(-1)
  if (last === undefined || last.at === null) return null
  return last.isLast ? last.at.lsn : last.at.lsn - 1n
}

function later(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}

/** What one table has to apply to stand at the common transaction. */
export interface TableStep<T extends string> {
  readonly table: T
  /** The staged load takes the place of what is there. */
  readonly swap: 'yes' | 'no'
  readonly operations: readonly Operation[]
  /** Where the table resumes once this is applied. */
  readonly place: Place
}

export type Plan<T extends string> =
  /** Some table does not know yet how far it is, or a load is ahead of the others. */
  | { readonly kind: 'wait' }
  /** Nothing to write: all stand at this transaction. */
  | { readonly kind: 'stand'; readonly lsn: bigint }
  | { readonly kind: 'apply'; readonly lsn: bigint; readonly steps: readonly TableStep<T>[] }

/** `cap`: go no further than this transaction, however far the tables are. */
export function plan<T extends string>(tables: ReadonlyMap<T, Progress>, cap: bigint | null): Plan<T> {
  let lsn = cap
  for (const { seen } of tables.values()) {
    if (seen === null) return { kind: 'wait' }
    lsn = lsn === null || seen < lsn ? seen : lsn
  }
  if (lsn === null) return { kind: 'wait' }
  const steps: TableStep<T>[] = []
  for (const [table, progress] of tables) {
    if (progress.load === 'whole' && progress.floor > lsn) return { kind: 'wait' }
    const operations = within(progress.pending, lsn)
    const swap = progress.load === 'whole' ? 'yes' : 'no'
    const { base: place } = applied(progress, lsn)
    if (place !== null && (swap === 'yes' || operations.length > 0))
      steps.push({ table, swap, operations, place })
  }
  return steps.length === 0 ? { kind: 'stand', lsn } : { kind: 'apply', lsn, steps }
}

/** The same table once everything up to `lsn` was applied. */
export function applied(progress: Progress, lsn: bigint): Progress {
  const done = within(progress.pending, lsn)
  const pending = progress.pending.slice(done.length)
  const last = done.at(-1)?.at ?? null
  const { place, base } = progress
  const between = last === null || place === null ? base : { ...place, offset: formatPosition(last) }
  return { ...progress, load: 'none', pending, base: pending.length === 0 ? place : between }
}

/** Tables to be asked at once, because others know of later transactions than they do. */
export function lagging<T extends string>(
  tables: ReadonlyMap<T, Progress>,
  cap: bigint | null,
): readonly T[] {
  let target = cap ?? 0n
  for (const { floor, load, pending } of tables.values()) {
    const newest = later(load === 'whole' ? floor : 0n, pending.at(-1)?.at?.lsn ?? 0n) ?? 0n
    if (newest > target) target = newest
  }
  return [...tables].filter(([, { seen }]) => seen !== null && seen < target).map(([table]) => table)
}

function within(operations: readonly Operation[], lsn: bigint): readonly Operation[] {
  const end = operations.findIndex(({ at }) => at === null || at.lsn > lsn)
  return end === -1 ? operations : operations.slice(0, end)
}
