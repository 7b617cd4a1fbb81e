/** One request of the shape protocol over whatever way there is, and its answer read whole, in bounds. */
import { ELECTRIC_PROTOCOL_QUERY_PARAMS } from '@electric-sql/client'
import { CONTEXT_VERSION, CONTEXT_VERSION_PARAM } from '../../../shared/context/version.ts'
import { invariant } from '../../../shared/errors.ts'
import { readAnswer, type ShapeAnswer } from './answer.ts'
import type { SyncEffect } from './machine.ts'

/** The way to the centre: `fetch` over the tunnel, or over HTTP(S). */
export interface ShapeSource {
  /** As `https://centre.example`; the tunnel has a name of its own. */
  readonly baseUrl: string
  readonly fetch: typeof fetch
  /** A fresh token of this device. */
  token(): string
  /** Of the rows that are asked for; this program's own where none is named. */
  readonly contextVersion?: number
}

/** Snapshots come in pieces of about a megabyte: one of so much is none of ours. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** The centre holds a request for 20 s. */
const HELD_AT_MOST_MS = 60_000
/** A piece of a large snapshot over a poor radio link. */
const ANSWERED_WITHIN_MS = 180_000

type Ask = Extract<SyncEffect, { readonly kind: 'ask' }>

export interface Asked {
  readonly shape: string
  readonly ask: Ask
  /** From 0 to 1; makes a request one that no cache has seen. */
  readonly random: number
}

/** Never throws: what goes wrong on the way is a fault like any other. */
export async function fetchAnswer(
  source: ShapeSource,
  asked: Asked,
  signal: AbortSignal,
): Promise<{ readonly answer: ShapeAnswer; readonly bytes: number }> {
  const isLive = asked.ask.wait === 'held'
  const limit = AbortSignal.timeout(isLive ? HELD_AT_MOST_MS : ANSWERED_WITHIN_MS)
  try {
    const response = await source.fetch(requestUrl(source, asked), {
      headers: { authorization: `Bearer ${source.token()}` },
      signal: AbortSignal.any([signal, limit]),
    })
    const body = await readBody(response)
    if (body === null) return { answer: unanswered('malformed', 'the answer is too large'), bytes: 0 }
    const { status, headers } = response
    const text = new TextDecoder().decode(body)
    return { answer: readAnswer({ status, headers, body: text }, { isLive }), bytes: body.length }
  } catch (thrown) {
    return { answer: unanswered('unreachable', String(thrown)), bytes: 0 }
  }
}

function unanswered(fault: 'unreachable' | 'malformed', detail: string): ShapeAnswer {
  return { kind: 'fault', fault, detail, retryAfterMs: null }
}

async function readBody(response: Response): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const body = response.body as ReadableStream<Uint8Array> | null
  const reader = body?.getReader()
  for (;;) {
    const part = await reader?.read()
    if (part === undefined || part.done) return Buffer.concat(parts)
    bytes += part.value.length
    if (bytes > MAX_ANSWER_BYTES) {
      await reader?.cancel()
      return null
    }
    parts.push(part.value)
  }
}

/** The protocol's own names, as its client publishes them: a name that it does not know would be a slip of ours. */
function requestUrl({ baseUrl, contextVersion }: ShapeSource, { shape, ask, random }: Asked): string {
  const url = new URL(`/v1/shapes/${shape}`, baseUrl)
  const set = (name: string, value: string): void => {
    invariant(ELECTRIC_PROTOCOL_QUERY_PARAMS.includes(name), `${name} is of the protocol`)
    url.searchParams.set(name, value)
  }
  set('offset', ask.place?.offset ?? '-1')
  if (ask.place !== null) set('handle', ask.place.handle)
  if (ask.wait === 'held') set('live', 'true')
  if (ask.cursor !== null) set('cursor', ask.cursor)
  if (ask.expired !== null) set('expired_handle', ask.expired)
  if (ask.cache === 'bypass') set('cache-buster', random.toString(36).slice(2))
  url.searchParams.set(CONTEXT_VERSION_PARAM, String(contextVersion ?? CONTEXT_VERSION))
  return url.href
}
