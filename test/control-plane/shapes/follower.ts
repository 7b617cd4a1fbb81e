/** A reader of the protocol that keeps the rows it was told, as a client would, and says when it had to start again. */
import { messagesOf, place, type Message, type Stage } from './stage.ts'

export class Follower {
  readonly rows = new Map<string, Readonly<Record<string, string | null>>>()
  refetches = 0
  readonly #stage: Stage
  readonly shape: Readonly<Record<string, string>>
  #at: Readonly<Record<string, string>> = { offset: '-1' }

  constructor(stage: Stage, shape: Readonly<Record<string, string>>) {
    this.#stage = stage
    this.shape = shape
  }

  get handle(): string {
    return this.#at['handle'] ?? ''
  }

  /** The server was started anew at another address. */
  moved(stage: Stage): Follower {
    const moved = new Follower(stage, this.shape)
    for (const [key, row] of this.rows) moved.rows.set(key, row)
    moved.refetches = this.refetches
    moved.#at = this.#at
    return moved
  }

  /** Reads until up to date. Throws for a message that cannot follow what was told before. */
  async catchUp(): Promise<void> {
    for (;;) {
      const response = await this.#stage.get({ ...this.shape, ...this.#at })
      const messages = await messagesOf(response)
      if (response.status === 409) {
        this.refetches++
        this.rows.clear()
        this.#at = { offset: '-1', handle: place(response).handle }
        continue
      }
      if (response.status !== 200) throw new Error(`${response.status}: ${JSON.stringify(messages)}`)
      for (const message of messages) this.#apply(message)
      this.#at = place(response)
      if (response.headers.has('electric-up-to-date')) return
    }
  }

  /** The values of a column, in order. */
  values(column: string): readonly (string | null)[] {
    return [...this.rows.values()]
      .map((row) => row[column] ?? null)
      .toSorted((one, other) => String(one).localeCompare(String(other), 'en', { numeric: true }))
  }

  #apply({ key, value, headers }: Message): void {
    const { operation } = headers
    if (key === undefined || value === undefined) return
    const isThere = this.rows.has(key)
    if (operation === 'insert' && isThere) throw new Error(`inserted twice: ${key}`)
    if (operation !== 'insert' && !isThere)
      throw new Error(`${String(operation)} of what was never told: ${key}`)
    if (operation === 'delete') this.rows.delete(key)
    else this.rows.set(key, { ...this.rows.get(key), ...value })
  }
}
