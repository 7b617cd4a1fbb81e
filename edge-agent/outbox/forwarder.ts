/**
 * From the leaf's stream over the link into the hub's, in order. It keeps no state: a process that starts sends whatever the
 * stream holds beyond the last receipt, and the centre drops what it has. It uses no consumer: acknowledgements of
 * consumers carry no domain and cross the hub, so two sites could acknowledge each other's messages.
 */
import { jetstream, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { domains, streams, subjects } from '../../shared/wire/subjects.ts'
import { WrongAcknowledgement } from './events.ts'
import { RUN_HEADERS } from './shipper.ts'

/** Segments on their way at once: a round trip of 600 ms still carries 800 records a second. */
const WINDOW = 8
const ACK_LIMIT_MS = 5_000

export interface ForwarderParts {
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly connection: NatsConnection
  readonly api: JetStreamManager
  receiptedSeq(): number
}

interface Sent {
  readonly position: number
  readonly toSeq: number
}

export class Forwarder {
  readonly #parts: ForwarderParts
  /** Next position to read in the leaf's stream. */
  #next = 1
  #forwardedSeq = 0
  /** In message ids: what is sent again must not be taken for a double by a hub that has lost, or set aside, the first. */
  #round = Date.now()
  #sent: Sent[] = []

  constructor(parts: ForwarderParts) {
    this.#parts = parts
  }

  get forwardedSeq(): number {
    return Math.max(this.#forwardedSeq, this.#parts.receiptedSeq())
  }

  /** Everything that the stream holds is sent again. */
  startOver(): void {
    this.#next = 1
    this.#forwardedSeq = 0
    this.#round += 1
    this.#sent = []
  }

  /** The position after the last message that `seq` covers, as far as this process knows; null for none. */
  positionAfter(seq: number): number | null {
    const covered = this.#sent.filter(({ toSeq }) => toSeq <= seq)
    this.#sent = this.#sent.filter(({ toSeq }) => toSeq > seq)
    const last = covered.at(-1)
    return last === undefined ? null : last.position + 1
  }

  /** Sends the next window; false when there is nothing to send. Throws when the hub does not take it. */
  async forward(): Promise<boolean> {
    const window = await this.#read()
    if (window.length === 0) return false
    const acks = await Promise.allSettled(window.map(async (message) => this.#publish(message)))
    for (const [index, ack] of acks.entries()) {
      if (ack.status === 'rejected') {
        // What came after it is out of order for the centre: it goes again too, under new ids.
        this.#round += 1
        throw ack.reason as Error
      }
      const message = window[index]
      if (message === undefined) break
      this.#next = message.seq + 1
      this.#forwardedSeq = seqOf(message)
      this.#sent.push({ position: message.seq, toSeq: this.#forwardedSeq })
    }
    return true
  }

  async #read(): Promise<readonly StoredMsg[]> {
    const { device, api } = this.#parts
    const window: StoredMsg[] = []
    while (window.length < WINDOW) {
      const message = await api.direct.getMessage(streams.out(device), {
        seq: this.#next,
        next_by_subj: subjects.out(device),
      })
      if (message === null) break
      this.#next = message.seq + 1
      if (seqOf(message) > this.#parts.receiptedSeq()) window.push(message)
      // Covered already, by what a process before this one sent: freed with the next receipt.
      else this.#sent.push({ position: message.seq, toSeq: seqOf(message) })
    }
    this.#next = window[0]?.seq ?? this.#next
    return window
  }

  async #publish(message: StoredMsg): Promise<void> {
    const { connection, tenant, device } = this.#parts
    const ack = await jetstream(connection).publish(subjects.up(tenant, device), message.data, {
      msgID: `${device}:${seqOf(message)}:${message.header.get(RUN_HEADERS.head)}:${this.#round}`,
      timeout: ACK_LIMIT_MS,
      retries: 1,
    })
    if (ack.stream === streams.up(tenant) && ack.domain === domains.hub) return
    throw new WrongAcknowledgement(`a segment was taken by ${ack.stream} of ${ack.domain ?? 'no domain'}`, {
      remedy: 'No other stream may listen on the subjects of this tenant: remove it.',
      details: { stream: ack.stream, domain: ack.domain ?? null },
    })
  }
}

function seqOf(message: StoredMsg): number {
  return Number(message.header.get(RUN_HEADERS.to))
}
