/**
 * Whether the leaf's link to the hub stands, read from the leaf's own log: nats-server has no event for it that a device may
 * hear (those belong to the system account), and its monitoring port would be one more door.
 */
import type { NatsProcessEvent } from '../../shared/fabric/nats-process.ts'

export type LinkState =
  | { readonly kind: 'up'; readonly sinceMs: number }
  | { readonly kind: 'down'; readonly sinceMs: number; readonly reason: string }

/** The log says "created" when the other side took the connection, before it knows who we are: one that is refused ends at once. */
const SETTLED_AFTER_MS = 200

export class LinkWatch {
  readonly #nowMs: () => number
  readonly #onChange: (state: LinkState) => void
  #state: LinkState
  #settling: NodeJS.Timeout | null = null

  constructor(options: { nowMs: () => number; onChange: (state: LinkState) => void }) {
    this.#nowMs = options.nowMs
    this.#onChange = options.onChange
    this.#state = { kind: 'down', sinceMs: options.nowMs(), reason: 'it has not been up yet' }
  }

  state(): LinkState {
    return this.#state
  }

  hear(event: NatsProcessEvent): void {
    if (event.kind === 'ended') this.#down('the leaf ended')
    if (event.kind !== 'log') return
    // As 2.9, 2.10 and 2.15 say it, for a link that this server solicited.
    if (/Leafnode connection created|Leafnode connection .*established/i.test(event.text)) this.#up()
    else if (/Leafnode connection closed/i.test(event.text)) this.#down(reasonOf(event.text))
    else if (/leafnode.*(?:Authorization Violation|Authentication)/i.test(event.text))
      this.#down('the hub refuses the site’s credentials')
  }

  #up(): void {
    if (this.#state.kind === 'up' || this.#settling !== null) return
    const sinceMs = this.#nowMs()
    this.#settling = setTimeout(() => {
      this.#settling = null
      this.#set({ kind: 'up', sinceMs })
    }, SETTLED_AFTER_MS)
    this.#settling.unref()
  }

  #down(reason: string): void {
    if (this.#settling !== null) clearTimeout(this.#settling)
    this.#settling = null
    if (this.#state.kind === 'down' && this.#state.reason === reason) return
    this.#set({ kind: 'down', sinceMs: this.#nowMs(), reason })
  }

  #set(state: LinkState): void {
    this.#state = state
    this.#onChange(state)
  }
}

function reasonOf(text: string): string {
  const [, reason = 'the connection closed'] = /closed: (.+?)(?: -|$)/.exec(text) ?? []
  return reason.slice(0, 120)
}
