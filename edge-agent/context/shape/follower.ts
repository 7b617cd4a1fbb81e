/** The shell of one shape's machine: its request, its timer, its link; what is delivered goes to the owner, in order. */
import type { Clock } from '../../../shared/clock.ts'
import { fetchAnswer, type ShapeSource } from './fetch-answer.ts'
import { startState, type Problem, type SyncEffect, type SyncEvent, type SyncState } from './machine.ts'
import type { Place } from './place.ts'
import { reduce } from './transitions.ts'

export type Delivery = Extract<SyncEffect, { readonly kind: 'deliver' | 'begin_load' }>

export interface FollowerParts {
  /** The shape's name at the centre. */
  readonly shape: string
  readonly place: Place | null
  readonly source: ShapeSource
  readonly clock: Clock
  readonly random: () => number
  /** Takes what was told; the next request waits until it resolves. Throws when it could not be kept. */
  take(delivery: Delivery): Promise<void>
  tell(problem: Problem, detail: string): void
  /** The delivery could not be kept. */
  lost(error: unknown): void
  /** Counts what came over the wire. */
  readonly counted: (bytes: number) => void
}

export class Follower {
  readonly #parts: FollowerParts
  #state: SyncState
  #request: AbortController | null = null
  #timer: NodeJS.Timeout | undefined
  /** Deliveries and requests, one after the other. */
  #chain: Promise<void> = Promise.resolve()
  refetches = 0

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#state = startState(parts.place)
  }

  get state(): SyncState['kind'] {
    return this.#state.kind
  }

  hear(event: Exclude<SyncEvent, { readonly ticket: number }>): void {
    this.#hear(event)
  }

  /** Ends the request under way and waits for what it delivered. */
  async stop(): Promise<void> {
    this.#hear({ kind: 'stopped' })
    await this.#chain
  }

  #hear(event: SyncEvent): void {
    const { state, effects } = reduce(this.#state, event)
    this.#state = state
    if (state.kind !== 'waiting') clearTimeout(this.#timer)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: SyncEffect): void {
    switch (effect.kind) {
      case 'abort':
        this.#request?.abort()
        return
      case 'wait':
        this.#wait(effect.ticket, effect.ms)
        return
      case 'tell':
        this.#parts.tell(effect.problem, effect.detail)
        return
      case 'begin_load':
        this.refetches += 1
        this.#then(async () => await this.#parts.take(effect))
        return
      case 'deliver':
        this.#then(async () => await this.#parts.take(effect))
        return
      case 'ask': {
        this.#then(() => void this.#ask(effect).catch((error: unknown) => this.#parts.lost(error)))
      }
    }
  }

  #then(work: () => Promise<void> | void): void {
    this.#chain = this.#chain.then(work).catch((error: unknown) => this.#parts.lost(error))
  }

  #wait(ticket: number, ms: number): void {
    this.#timer = setTimeout(() => this.#hear({ kind: 'elapsed', ticket }), ms)
    this.#timer.unref()
  }

  async #ask(ask: Extract<SyncEffect, { readonly kind: 'ask' }>): Promise<void> {
    const { ticket } = ask
    // Given up before it began.
    if (ticket !== this.#state.ticket || this.#state.kind === 'paused' || this.#state.kind === 'ended') return
    const { source, shape, clock, counted } = this.#parts
    const request = new AbortController()
    this.#request = request
    const fromMs = clock.monotonicMs()
    const { answer, bytes } = await fetchAnswer(
      source,
      { shape, ask, random: this.#parts.random() },
      request.signal,
    )
    if (bytes > 0) counted(bytes)
    const random = this.#parts.random()
    if (answer.kind === 'log')
      this.#hear({ kind: 'told', ticket, answer, tookMs: clock.monotonicMs() - fromMs, random })
    else if (answer.kind === 'refetch') this.#hear({ kind: 'refetch', ticket })
    else this.#hear({ ...answer, kind: 'failed', ticket, random })
  }
}
