/** One answer on its way: pieces in their order become a body that is read as fast as its reader reads. */
import type { StarlingError } from '../../shared/errors.ts'
import { AskRefused, MalformedMessage } from '../../shared/wire/answer.ts'
import {
  ACK_EVERY_PIECES,
  WINDOW_PIECES,
  type TunnelFrame,
  type TunnelHead,
} from '../../shared/wire/tunnel.ts'

/** Statuses whose answers have no body, as `Response` insists. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304])

export interface IncomingParts {
  readonly signal: AbortSignal
  /** Pieces before `seq` were read. */
  acknowledge(seq: number): void
  /** Called once: answered to the end, failed, or given up by its reader. */
  onEnd(how: 'answered' | 'failed' | 'given_up'): void
}

export class IncomingAnswer {
  readonly response: Promise<Response>
  readonly #parts: IncomingParts
  #resolve: (response: Response) => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #body: ReadableStreamDefaultController<Uint8Array> | null = null
  #next = 0
  #acknowledged = 0
  #isOver = false
  readonly #abort: () => void

  constructor(parts: IncomingParts) {
    this.#parts = parts
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#abort = () => this.#end('given_up', parts.signal.reason as Error)
    parts.signal.addEventListener('abort', this.#abort, { once: true })
  }

  take(frame: Exclude<TunnelFrame, { readonly kind: 'beat' }>): void {
    if (this.#isOver) return
    switch (frame.kind) {
      case 'whole':
        // Ended first: what follows belongs to the reader alone.
        this.#end('answered', null)
        this.#resolve(responseOf(frame.head, Buffer.from(frame.bytes)))
        return
      case 'head':
        this.#open(frame.head)
        return
      case 'piece':
        this.#takePiece(frame.seq, frame.bytes)
        return
      case 'end':
        if (frame.count !== this.#next || this.#body === null) this.fail(lost())
        else this.#end('answered', null)
        return
      case 'failed':
        this.fail(new AskRefused({ ...frame.report, details: {} }))
    }
  }

  fail(error: Error): void {
    this.#end('failed', error)
  }

  #open(head: TunnelHead): void {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#body = controller
        },
        pull: (controller) => {
          const unread = WINDOW_PIECES - (controller.desiredSize ?? WINDOW_PIECES)
          const read = this.#next - unread
          if (read - this.#acknowledged < ACK_EVERY_PIECES) return
          this.#acknowledged = read
          this.#parts.acknowledge(read)
        },
        cancel: () => this.#end('given_up', lost()),
      },
      new CountQueuingStrategy({ highWaterMark: WINDOW_PIECES }),
    )
    this.#resolve(responseOf(head, body))
  }

  #takePiece(seq: number, bytes: Uint8Array): void {
    if (this.#body === null || seq !== this.#next) {
      this.fail(lost())
      return
    }
    this.#next += 1
    this.#body.enqueue(bytes)
  }

  #end(how: 'answered' | 'failed' | 'given_up', error: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.signal.removeEventListener('abort', this.#abort)
    if (error === null) this.#body?.close()
    else {
      this.#reject(error)
      // A reader that went away closed its body itself.
      if (how !== 'given_up' || this.#parts.signal.aborted) this.#body?.error(error)
    }
    this.#parts.onEnd(how)
  }
}

function responseOf(
  { status, headers }: TunnelHead,
  body: Buffer<ArrayBuffer> | ReadableStream<Uint8Array>,
): Response {
  return new Response(WITHOUT_BODY.has(status) ? null : body, {
    status,
    headers: headers.map(([name, value]) => [name, value]),
  })
}

function lost(): StarlingError {
  return new MalformedMessage('a piece of a tunnelled answer was lost', {
    remedy: 'None is needed: it is asked for again.',
  })
}
