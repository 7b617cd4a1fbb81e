/**
 * Following one shape, as a machine without I/O, clock or randomness: what is asked next, what of an answer is believed, when to
 * start again, and when to stop trying for a while. The numbers at the rules are those of ../SPEC.md.
 */
import type { FaultKind, LogAnswer, Operation } from './answer.ts'
import type { Place } from './place.ts'

/** What went wrong since the last good answer; all zero while it goes well. */
export interface Trouble {
  /** Requests that failed, one after the other. */
  readonly failures: number
  /** Calls to start again since a waiting request was last answered well. */
  readonly refetches: number
  /** Answers from somebody's cache, one after the other. */
  readonly stale: number
  /** Waiting requests that were answered at once and without news, one after the other. */
  readonly quick: number
  /** Whether somebody was told: once for each run of bad luck. */
  readonly told: 'no' | 'yes'
}

interface Course {
  /** Answers to anything but the newest request are late, and mean nothing. */
  readonly ticket: number
  readonly trouble: Trouble
  /** The last log that the centre said is over: an answer from it comes from a cache. */
  readonly expired: string | null
}

/** What a request resumes: a snapshot from its beginning or a piece of it, or the log of a copy that is whole. */
export type Resumption =
  | { readonly kind: 'load'; readonly place: Place | null }
  | { readonly kind: 'log'; readonly place: Place }

export type SyncState =
  | ({ readonly kind: 'idle'; readonly resume: Resumption } & Course)
  /** Reading a snapshot and what was logged meanwhile, beside the copy that readers see. */
  | ({ readonly kind: 'loading'; readonly place: Place | null } & Course)
  /** Reading on in the log without waiting. */
  | ({ readonly kind: 'catching_up'; readonly place: Place } & Course)
  /** A request is held by the centre until there is news. */
  | ({ readonly kind: 'live'; readonly place: Place; readonly cursor: string | null } & Course)
  /** Until a timer ends. */
  | ({ readonly kind: 'waiting'; readonly resume: Resumption } & Course)
  /** Until the link returns. */
  | ({ readonly kind: 'paused'; readonly resume: Resumption } & Course)
  | ({ readonly kind: 'ended' } & Course)

export type SyncEvent =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'told'
      readonly ticket: number
      readonly answer: LogAnswer
      readonly tookMs: number
      readonly random: number
    }
  | { readonly kind: 'refetch'; readonly ticket: number }
  | {
      readonly kind: 'failed'
      readonly ticket: number
      readonly fault: FaultKind
      readonly detail: string
      readonly retryAfterMs: number | null
      /** From 0 to 1: spreads devices that failed together. */
      readonly random: number
    }
  | { readonly kind: 'elapsed'; readonly ticket: number }
  | { readonly kind: 'link_lost' }
  | { readonly kind: 'link_found' }
  /** Other tables have news: is there any here? */
  | { readonly kind: 'nudged' }
  /** A person wants the table fetched anew. */
  | { readonly kind: 'resync' }
  | { readonly kind: 'stopped' }

export type Problem = FaultKind | 'endless_refetch' | 'stale_cache' | 'spinning'

export type SyncEffect =
  | {
      readonly kind: 'ask'
      readonly ticket: number
      /** Null: from the start. */
      readonly place: Place | null
      readonly wait: 'held' | 'no'
      readonly cursor: string | null
      readonly expired: string | null
      /** Past every cache between here and the centre, or as usual. */
      readonly cache: 'usual' | 'bypass'
    }
  | { readonly kind: 'abort' }
  | { readonly kind: 'wait'; readonly ticket: number; readonly ms: number }
  /** What was staged for the table is of no use. */
  | { readonly kind: 'begin_load' }
  /** Operations of a snapshot (`load`) or of the log, in order, none twice; `place` is where they end. */
  | {
      readonly kind: 'deliver'
      readonly part: 'load' | 'log'
      readonly operations: readonly Operation[]
      readonly place: Place
      readonly upTo: bigint | null
    }
  | { readonly kind: 'tell'; readonly problem: Problem; readonly detail: string }

export interface Step {
  readonly state: SyncState
  readonly effects: readonly SyncEffect[]
}

export const NO_TROUBLE: Trouble = { failures: 0, refetches: 0, stale: 0, quick: 0, told: 'no' }

/** A copy that stands at `place` follows its log; without one, the table is loaded. */
export function startState(place: Place | null): SyncState {
  const resume: Resumption = place === null ? { kind: 'load', place: null } : { kind: 'log', place }
  return { kind: 'idle', resume, ticket: 0, trouble: NO_TROUBLE, expired: null }
}
