/** What the outbox tells its owner. Nothing here is fatal: the journal keeps everything until a receipt covers it. */
import { JetStreamApiError } from '@nats-io/jetstream'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import { CentreUnreachable } from '../../shared/wire/answer.ts'

export type OutboxEvent =
  /** Records up to `seq` are stored at the centre, by its signed word. */
  | { readonly kind: 'receipted'; readonly seq: number }
  /** The centre has not moved: everything after `after` is sent again. */
  | { readonly kind: 'resent'; readonly after: number; readonly reason: string }
  /** Records that this device no longer has; a signed gap record names them. */
  | { readonly kind: 'gap'; readonly from: number; readonly to: number; readonly reason: string }
  | { readonly kind: 'trouble'; readonly error: ErrorReport }

export interface OutboxState {
  /** Stored at the centre, by its signed receipt. */
  readonly receiptedSeq: number
  /** In the leaf's stream. */
  readonly shippedSeq: number
  /** Taken by the hub. */
  readonly forwardedSeq: number
  /** What the centre says stands in the way; null when nothing does. */
  readonly problem: { readonly reason: string; readonly message: string } | null
}

/** The centre's chain of this device is another than the device's own: sending more would not help. */
export class JournalForked extends StarlingError {
  override readonly code = 'journal_forked'

  constructor(seq: number) {
    super(`the centre holds another record ${seq} of this device than the device does`, {
      remedy:
        'Enrol this device under a new name: its journal was restored or copied, and both stories are kept.',
      details: { seq },
    })
  }
}

/** The hub's acknowledgement came from another stream or domain than it must: nothing was delivered. */
export class WrongAcknowledgement extends StarlingError {
  override readonly code = 'wrong_acknowledgement'
}

/** The leaf cannot take more until a receipt makes room: the records wait in the journal. */
class LeafStoreFull extends StarlingError {
  override readonly code = 'leaf_store_full'
}

/** Codes of the JetStream API for a stream, an account or a server that has no room. */
const NO_ROOM = new Set([10_047, 10_077, 10_023, 10_025, 10_028])

/** Gives what the NATS client throws a name and a remedy; what has one already stays. */
export function namedTrouble(thrown: unknown): unknown {
  if (thrown instanceof JetStreamApiError && NO_ROOM.has(thrown.code))
    return new LeafStoreFull(`the stream takes no more: ${thrown.message}`, {
      remedy: 'Connect the device to its centre, or free disk space: records wait in the journal meanwhile.',
      cause: thrown,
    })
  if (thrown instanceof StarlingError || !(thrown instanceof Error)) return thrown
  if (!AWAY.has(thrown.constructor.name) && !AWAY.has(thrown.name)) return thrown
  return new CentreUnreachable(`nobody answers on the link: ${thrown.message}`, {
    remedy: 'Nothing is lost: records wait on the device and are sent when the link is back.',
    cause: thrown,
  })
}

const AWAY = new Set([
  'TimeoutError',
  'NoRespondersError',
  'JetStreamNotEnabled',
  'RequestError',
  'ClosedConnectionError',
  'ConnectionError',
])
