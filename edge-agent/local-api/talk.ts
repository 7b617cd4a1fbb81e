/**
 * The talk socket: the page opens it when the button goes down, sends PCM while it is held, and gets partials and the turn's
 * result. One utterance a socket.
 *
 *     client: {"kind":"open","sampleRateHz":N}   binary Int16 little-endian ...   {"kind":"finish"}
 *     agent:  {"kind":"partial","text"} ...      {"kind":"result","result"} | {"kind":"error","error"}
 */
import * as v from 'valibot'
import { reportError, StarlingError } from '../../shared/errors.ts'
import type { AudioSource } from '../turn/ports.ts'
import type { TurnResult } from '../turn/result.ts'

/** A technician's utterance; longer dictation is a file's. */
export const MAX_UTTERANCE_S = 60
/** Blocks that wait for the recogniser; at 100 ms a block this is 30 s behind, which no working device is. */
const MAX_WAITING_BLOCKS = 300

export class TalkBroken extends StarlingError {
  override readonly code = 'talk_broken'
}

const ClientMessage = v.variant('kind', [
  v.strictObject({
    kind: v.literal('open'),
    sampleRateHz: v.pipe(v.number(), v.integer(), v.minValue(8_000), v.maxValue(192_000)),
  }),
  v.strictObject({ kind: v.literal('finish') }),
])

export type TalkMessage =
  | { readonly kind: 'partial'; readonly text: string }
  | { readonly kind: 'result'; readonly result: TurnResult }
  | { readonly kind: 'error'; readonly error: ReturnType<typeof reportError> }

/** `domain` names another than the one that runs. */
export type TakeTurn = (
  audio: AudioSource,
  onPartial: (text: string) => void,
  domain?: string | null,
) => Promise<TurnResult>

export interface Talk {
  /** Feeds one message of the socket, text or binary. */
  receive(data: unknown): void
  /** The socket is gone: what was said so far is dropped, nothing is done. */
  abandon(): void
}

/** Runs one utterance; `send` reaches the page. */
export function openTalk(takeTurn: TakeTurn, send: (message: TalkMessage) => void): Talk {
  let state: 'waiting' | 'talking' | 'ended' = 'waiting'
  let queue: BlockQueue | null = null
  let limitSamples = 0
  const fail = (error: unknown): void => {
    if (state === 'ended') return
    state = 'ended'
    queue?.abort(error)
    send({ kind: 'error', error: reportError(error) })
  }
  const finishTurn = async (audio: AudioSource): Promise<void> => {
    try {
      const result = await takeTurn(audio, (text) => send({ kind: 'partial', text }))
      state = 'ended'
      send({ kind: 'result', result })
    } catch (error) {
      fail(error)
    }
  }
  const begin = (sampleRateHz: number): void => {
    state = 'talking'
    limitSamples = sampleRateHz * MAX_UTTERANCE_S
    queue = openBlockQueue(MAX_WAITING_BLOCKS)
    const audio: AudioSource = { kind: 'microphone', sampleRateHz, warnings: [], blocks: queue.blocks }
    void finishTurn(audio)
  }
  const text = (data: string): void => {
    const message = v.safeParse(ClientMessage, parseJson(data))
    if (!message.success) return fail(broken('a message that is neither open nor finish'))
    if (message.output.kind === 'finish') {
      if (state === 'talking') queue?.end()
      else fail(broken('a finish before the open'))
    } else if (state === 'waiting') begin(message.output.sampleRateHz)
    else fail(broken('a second open'))
  }
  const block = (data: Uint8Array): void => {
    if (state !== 'talking' || queue === null) return fail(broken('sound before the open'))
    if (data.byteLength % 2 !== 0) return fail(broken('half a sample'))
    limitSamples -= data.byteLength / 2
    if (limitSamples < 0) return fail(broken(`more than ${MAX_UTTERANCE_S} s of sound`))
    if (!queue.push(samplesOf(data))) fail(broken('more sound than the device can follow'))
  }
  return {
    receive(data) {
      if (state === 'ended') return
      if (typeof data === 'string') text(data)
      else if (data instanceof ArrayBuffer) block(new Uint8Array(data))
      else if (data instanceof Uint8Array) block(data)
      else fail(broken('a message of an unknown type'))
    },
    abandon() {
      if (state !== 'talking') return
      state = 'ended'
      queue?.abort(broken('the page went away'))
    },
  }
}

interface BlockQueue {
  readonly blocks: AsyncIterable<Float32Array>
  /** False when the queue is full. */
  push(block: Float32Array): boolean
  end(): void
  abort(error: unknown): void
}

function openBlockQueue(limit: number): BlockQueue {
  const waiting: Float32Array[] = []
  let ending: { readonly error: unknown } | 'ended' | null = null
  let wake: (() => void) | null = null
  const stir = (): void => {
    wake?.()
    wake = null
  }
  async function* blocks(): AsyncGenerator<Float32Array> {
    for (;;) {
      const next = waiting.shift()
      if (next !== undefined) yield next
      else if (ending === 'ended') return
      else if (ending !== null) throw ending.error
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return {
    blocks: blocks(),
    push(block) {
      if (waiting.length >= limit) return false
      waiting.push(block)
      stir()
      return true
    },
    end() {
      ending ??= 'ended'
      stir()
    },
    abort(error) {
      waiting.length = 0
      ending = { error }
      stir()
    },
  }
}

function samplesOf(data: Uint8Array): Float32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Float32Array.from({ length: data.byteLength / 2 }, (_, at) => view.getInt16(at * 2, true) / 32_768)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // Not JSON: the schema refuses null with the one message for every malformed text.
  }
}

function broken(what: string): TalkBroken {
  return new TalkBroken(`the page sent ${what}`, { remedy: 'Reload the page and speak again.' })
}
