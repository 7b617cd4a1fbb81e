/** The headers of a shape answer: what the client follows by, and how long caches may keep it. Pure. */
import type { LogAnswer, SubsetAnswer } from '../server.ts'
import type { Reading } from './request.ts'

/** Who may keep an answer: everybody's caches, or nobody but the reader who was let in. */
export type Audience = 'public' | 'private'

export type Headers = Readonly<Record<string, string>>

/** The start of a log is kept for long by readers, and asked for anew by shared caches within the hour. */
const START_CACHE = 'max-age=604800, s-maxage=3600, stale-while-revalidate=2629746'
const LOG_CACHE = 'max-age=60, stale-while-revalidate=300'
/** Long enough that readers who wait together are answered together. */
const LIVE_CACHE = 'max-age=5, stale-while-revalidate=5'
const REFETCH_CACHE = 'max-age=60, must-revalidate'

/** No cache may take a reader's own answer for another's. */
const PRIVATE = { 'cache-control': 'private, no-store', vary: 'authorization' }

/** Cursors count from here, in the length of a held request: all who wait together get the same. */
const CURSOR_EPOCH_MS = Date.UTC(2024, 9, 9)

export function logHeaders(
  answer: LogAnswer,
  asked: {
    readonly reading: Reading
    readonly requested: string
    readonly audience: Audience
    readonly nowMs: number
    readonly pollMs: number
  },
): Headers {
  const { reading, requested, audience, nowMs, pollMs } = asked
  return {
    'content-type': 'application/json; charset=utf-8',
    ...(audience === 'private' ? PRIVATE : { 'cache-control': cacheControl(reading) }),
    etag: etagOf(answer, requested, nowMs),
    'electric-handle': answer.handle,
    'electric-offset': answer.offset,
    ...(reading.isLive
      ? { 'electric-cursor': cursorAfter(reading.cursor, nowMs, pollMs) }
      : { 'electric-schema': answer.schema }),
    ...(answer.isUpToDate ? { 'electric-up-to-date': '' } : {}),
  }
}

export function sseHeaders(given: {
  readonly handle: string
  readonly offset: string
  readonly audience: Audience
  readonly cursor: string
  readonly lengthMs: number
}): Headers {
  const seconds = Math.max(1, Math.floor(given.lengthMs / 1_000) - 1)
  return {
    'content-type': 'text/event-stream',
    ...(given.audience === 'private' ? PRIVATE : { 'cache-control': `public, max-age=${seconds}` }),
    'electric-handle': given.handle,
    'electric-offset': given.offset,
    'electric-cursor': given.cursor,
    'x-accel-buffering': 'no',
  }
}

export function subsetHeaders(answer: SubsetAnswer, audience: Audience): Headers {
  return {
    'content-type': 'application/json; charset=utf-8',
    ...(audience === 'private' ? PRIVATE : { 'cache-control': 'no-cache' }),
    'electric-snapshot': 'true',
    'electric-handle': answer.handle,
    'electric-offset': answer.offset,
    'electric-schema': answer.schema,
  }
}

export function refetchHeaders(handle: string, audience: Audience): Headers {
  return {
    'content-type': 'application/json; charset=utf-8',
    ...(audience === 'private' ? PRIVATE : { 'cache-control': `public, ${REFETCH_CACHE}` }),
    'electric-handle': handle,
  }
}

export const ERROR_HEADERS: Headers = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'surrogate-control': 'no-store',
}

function cacheControl({ offset, isLive }: Reading): string {
  if (offset === 'start') return `public, ${START_CACHE}`
  return `public, ${isLive ? LIVE_CACHE : LOG_CACHE}`
}

/** An answer without news is like no other: a cache that asks whether it still holds must wait like everybody. */
function etagOf(answer: LogAnswer, requested: string, nowMs: number): string {
  const plain = `${answer.handle}:${requested}:${answer.offset}`
  return `"${answer.isUnchanged ? `${plain}:${nowMs}` : plain}"`
}

/** Later than the reader's own, so that no cache answers its next request with this one's answer. */
export function cursorAfter(cursor: string | null, nowMs: number, pollMs: number): string {
  const lengthS = Math.max(1, Math.ceil(pollMs / 1_000))
  const nowS = Math.floor((nowMs - CURSOR_EPOCH_MS) / 1_000)
  const next = Math.ceil(nowS / lengthS) * lengthS
  const previous = cursor !== null && /^\d{1,12}$/.test(cursor) ? Number(cursor) : -1
  return String(next > previous ? next : previous + lengthS)
}
