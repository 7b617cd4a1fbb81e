/** A live log as server-sent events: one event a message, a comment while there is nothing, an end before proxies lose patience. */
import { MUST_REFETCH } from '../protocol/change-messages.ts'
import { formatOffset } from '../protocol/offset.ts'
import { cursorAfter, sseHeaders, type Audience } from '../protocol/headers.ts'
import type { Clock } from '../../../shared/clock.ts'
import type { ShapeRequest, ShapeServer } from '../server.ts'
import { refetchResponse } from './responses.ts'

const KEEP_ALIVE_EVERY_MS = 21_000
const CONNECTION_LIMIT_MS = 60_000

export async function sseResponse(
  parts: { readonly server: ShapeServer; readonly clock: Clock; readonly pollMs: number },
  given: {
    readonly request: ShapeRequest & { readonly cursor: string | null }
    readonly signal: AbortSignal
    readonly audience: Audience
    readonly rewrite: ((messages: string) => string) | null
  },
): Promise<Response> {
  const { request, audience, rewrite } = given
  const found = await parts.server.followed(request)
  if ('kind' in found) return refetchResponse(found, audience)
  const { shape, from } = found
  const cancelled = new AbortController()
  const signal = AbortSignal.any([given.signal, cancelled.signal, AbortSignal.timeout(CONNECTION_LIMIT_MS)])
  const encoder = new TextEncoder()
  const events = parts.server.follow(shape, from, signal)
  let keepAlive: NodeJS.Timeout | undefined
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const comment = (): void => controller.enqueue(encoder.encode(': keep-alive\n\n'))
      keepAlive = setInterval(comment, KEEP_ALIVE_EVERY_MS)
    },
    pull: async (controller) => {
      const next = await events.next()
      const messages = next.done === true ? [] : (next.value ?? [MUST_REFETCH])
      if (messages.length > 0)
        controller.enqueue(
          encoder.encode(messages.map((message) => `data: ${rewrite?.(message) ?? message}\n\n`).join('')),
        )
      if (next.done !== true && next.value !== null) return
      clearInterval(keepAlive)
      controller.close()
    },
    cancel: () => {
      clearInterval(keepAlive)
      cancelled.abort()
    },
  })
  const cursor = cursorAfter(request.cursor, parts.clock.nowMs(), parts.pollMs)
  const headers = {
    handle: shape.handle,
    offset: formatOffset(from),
    audience,
    cursor,
    lengthMs: CONNECTION_LIMIT_MS,
  }
  return new Response(body, { headers: sseHeaders(headers) })
}
