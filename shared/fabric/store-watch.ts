/**
 * Sees a stream that no longer takes messages. Seen on 2.9.10: after one write to a full disk the stream never answers again,
 * without a word in the log and even when there is space; nor does the server stop on SIGTERM. Only a new start helps.
 *
 * The probe is a publish that the stream must refuse (it expects another stream), so that nothing is ever written by it.
 */
import { headers, RequestError, type NatsConnection } from '@nats-io/transport-node'
import { setTimeout as delay } from 'node:timers/promises'

const PROBE_EVERY_MS = 2_000
const PROBE_LIMIT_MS = 2_000
/** One may be lost to a reconnect. */
const MISSES = 2

export interface StoreWatch {
  stop(): Promise<void>
}

/**
 * Calls `onStuck` each time that {@link MISSES} probes in a row had no answer, until it is stopped or the connection is closed.
 * `subject` is one that the stream takes; a stream that has never been there is not missed.
 */
export function watchStore(options: {
  readonly connection: NatsConnection
  readonly subject: string
  onStuck(): void
}): StoreWatch {
  const stopping = new AbortController()
  const { connection } = options
  const run = async (): Promise<void> => {
    let misses = 0
    let wasThere = false
    while (!stopping.signal.aborted) {
      await delay(PROBE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted || connection.isClosed()) return
      const found = await probe(connection, options.subject)
      wasThere ||= found === 'answers'
      misses = found === 'silent' || (found === 'absent' && wasThere) ? misses + 1 : 0
      if (misses < MISSES) continue
      misses = 0
      options.onStuck()
    }
  }
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

async function probe(connection: NatsConnection, subject: string): Promise<'answers' | 'absent' | 'silent'> {
  const expect = headers()
  expect.set('Nats-Expected-Stream', 'probe')
  try {
    await connection.request(subject, new Uint8Array(0), { headers: expect, timeout: PROBE_LIMIT_MS })
    return 'answers'
  } catch (thrown) {
    // Nobody listens: no stream takes this subject, or JetStream is off. Anything else is time that ran out.
    return thrown instanceof RequestError && thrown.isNoResponders() ? 'absent' : 'silent'
  }
}
