/** An answer in pieces, with at most a window of them unacknowledged: who reads slowly is sent slowly. */
import { StarlingError } from '../../shared/errors.ts'
import {
  MAX_PIECE_BYTES,
  WINDOW_PIECES,
  type TunnelFrame,
  type TunnelHead,
} from '../../shared/wire/tunnel.ts'

/** A device that takes nothing for so long is gone. */
const ACK_WITHIN_MS = 60_000
/** What no answer of ours comes near. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024

export class ReaderGone extends StarlingError {
  override readonly code = 'reader_gone'
}

/** How far the device has taken the pieces of one answer. */
export class Acknowledged {
  #seq = 0
  #isOver = false
  #wake: () => void = () => undefined

  /** Pieces before `seq` were taken. */
  upTo(seq: number): void {
    if (seq > this.#seq) this.#seq = seq
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  /** Resolves once piece `seq` is within the window. Throws {@link ReaderGone}, the signal's reason. */
  async room(seq: number, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(ACK_WITHIN_MS)
    while (seq >= this.#seq + WINDOW_PIECES && !this.#isOver) {
      signal.throwIfAborted()
      if (limit.aborted) throw gone()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
        limit.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }
}

export async function sendResponse(
  response: Response,
  {
    send,
    acknowledged,
    signal,
  }: {
    readonly send: (frame: TunnelFrame) => void
    readonly acknowledged: Acknowledged
    readonly signal: AbortSignal
  },
): Promise<void> {
  const head: TunnelHead = { status: response.status, headers: [...response.headers] }
  let held: Uint8Array = new Uint8Array(0)
  let seq = 0
  let sent = 0
  for await (const part of piecesOf(response)) {
    // One piece is kept back: an answer that fits one travels whole.
    if (held.length > 0) {
      if (seq === 0) send({ kind: 'head', head })
      await acknowledged.room(seq, signal)
      send({ kind: 'piece', seq, bytes: held })
      seq += 1
    }
    held = part
    sent += part.length
    if (sent > MAX_RESPONSE_BYTES) throw gone()
    signal.throwIfAborted()
  }
  if (seq === 0) {
    send({ kind: 'whole', head, bytes: held })
    return
  }
  await acknowledged.room(seq, signal)
  send({ kind: 'piece', seq, bytes: held })
  send({ kind: 'end', count: seq + 1 })
}

/** The body cut to pieces that fit a message. */
async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const body = response.body as ReadableStream<Uint8Array> | null
  const reader = body?.getReader()
  try {
    for (;;) {
      const part = await reader?.read()
      if (part === undefined || part.done) return
      for (let at = 0; at < part.value.length; at += MAX_PIECE_BYTES)
        yield part.value.subarray(at, at + MAX_PIECE_BYTES)
    }
  } finally {
    await reader?.cancel()
  }
}

function gone(): ReaderGone {
  return new ReaderGone('the device takes no more of an answer', { remedy: 'None: it asks again.' })
}
