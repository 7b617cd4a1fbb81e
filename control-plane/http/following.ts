/** Server-sent events: something as it is, and again after every change, to one listener who may go away at any moment. */

/** A proxy in between drops what is silent for a minute. */
const BEAT_EVERY_MS = 20_000

export function following<T>(parts: {
  readonly first: T
  look(): Promise<T>
  subscribe(heard: () => void): () => void
  isOver(seen: T): boolean
  readonly signal: AbortSignal
}): Response {
  const encoder = new TextEncoder()
  let end: () => void = () => undefined
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const send = (text: string): void => controller.enqueue(encoder.encode(text))
      const beat = setInterval(() => send(': beat\n\n'), BEAT_EVERY_MS)
      const now = { isLooking: false, isStale: false, isEnded: false }
      end = () => {
        if (now.isEnded) return
        now.isEnded = true
        clearInterval(beat)
        unsubscribe()
      }
      const show = (seen: T): void => {
        if (now.isEnded) return
        send(`event: change\ndata: ${JSON.stringify(seen)}\n\n`)
        if (!parts.isOver(seen)) return
        end()
        controller.close()
      }
      const look = async (): Promise<void> => {
        now.isLooking = true
        try {
          do {
            now.isStale = false
            show(await parts.look())
          } while (now.isStale && !now.isEnded)
        } catch (thrown) {
          end()
          controller.error(thrown)
        } finally {
          now.isLooking = false
        }
      }
      const unsubscribe = parts.subscribe(() => {
        now.isStale = true
        if (!now.isLooking) void look()
      })
      parts.signal.addEventListener('abort', () => end(), { once: true })
      show(parts.first)
    },
    cancel: () => end(),
  })
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
  })
}
