/** One life of the database worker: its start, the statements in flight, its death. A link that died is replaced, never mended. */
import { Worker } from 'node:worker_threads'
import { invariant } from '../errors.ts'
import { workerEntry } from '../worker-entry.ts'
import { DatabaseInterrupted, DiskFull, ResultTooLarge, SqlError, StatementTimedOut } from './errors.ts'
import type { Outcome } from './errors.ts'
import type { Refusal, Reply, Work, WorkerInput } from './messages.ts'

/** Memory of the worker's JavaScript heap: answers and prepared statements. PostgreSQL's memory lies outside. */
const WORKER_HEAP_MB = 256

/** The engine did not start. */
export class OpenFailed extends Error {
  override readonly name = 'OpenFailed'
  readonly diskFull: boolean

  constructor(reason: string, diskFull: boolean) {
    super(reason)
    this.diskFull = diskFull
  }
}

/** Where an engine works, and how long one statement may keep it. */
export interface LinkPlace {
  readonly dir: string
  readonly statementLimitMs: number
}

interface Opening {
  resolve(): void
  reject(error: Error): void
}

interface InFlight {
  readonly work: Work
  resolve(bytes: Uint8Array): void
  reject(error: Error): void
}

export class WorkerLink {
  readonly #dir: string
  readonly #statementLimitMs: number
  readonly #worker: Worker
  readonly #watchdog: NodeJS.Timeout
  readonly #inFlight = new Map<number, InFlight>()
  #nextId = 0
  #isDead = false

  private constructor({ dir, statementLimitMs }: LinkPlace, worker: Worker, opening: Opening) {
    this.#dir = dir
    this.#statementLimitMs = statementLimitMs
    this.#watchdog = setTimeout(() => {
      this.#suspect()
    }, statementLimitMs).unref()
    this.#worker = worker
    worker.on('message', (reply: Reply) => {
      if (reply.kind === 'opened') opening.resolve()
      else if (reply.kind === 'open-failed') opening.reject(new OpenFailed(reply.reason, reply.diskFull))
      else this.#settle(reply)
    })
    const ended = (reason: string) => {
      opening.reject(new OpenFailed(reason, false))
      this.#die(reason, false)
    }
    worker.on('error', (error) => {
      ended(String(error))
    })
    worker.on('exit', () => {
      ended('the worker thread ended')
    })
  }

  /** Starts the worker and waits until PostgreSQL answers. Rejects with {@link OpenFailed}, or the signal's reason. */
  static async start(place: LinkPlace, input: WorkerInput, signal?: AbortSignal): Promise<WorkerLink> {
    signal?.throwIfAborted()
    const worker = new Worker(workerEntry(import.meta.url, './database.worker.ts'), {
      workerData: input,
      name: 'database',
      // The owner's own flags (a loader, --input-type) are not meant for this thread.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MB },
    })
    let link: WorkerLink | undefined
    const opening = new Promise<void>((resolve, reject) => {
      link = new WorkerLink(place, worker, { resolve, reject })
      signal?.addEventListener(
        'abort',
        () => {
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
        },
        { once: true },
      )
    })
    try {
      await opening
    } catch (error) {
      await worker.terminate()
      throw error
    }
    invariant(link !== undefined, 'a promise runs its executor at once')
    return link
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Sends one piece of work; answers come in the order of sending. */
  send(work: Work): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) {
        reject(new DatabaseInterrupted(this.#dir, 'not-applied', new Error('the engine had already stopped')))
        return
      }
      const id = this.#nextId++
      if (this.#inFlight.size === 0) this.#watchdog.refresh()
      this.#inFlight.set(id, { work, resolve, reject })
      // A thread has no origin.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      this.#worker.postMessage({ id, work })
    })
  }

  /** Ends the thread at once, without a word to PostgreSQL: what was committed stays. */
  async terminate(): Promise<void> {
    this.#die('the database was closed', false)
    await this.#worker.terminate()
  }

  #settle(reply: Exclude<Reply, { kind: 'opened' | 'open-failed' }>): void {
    if (reply.kind === 'died') {
      this.#die(reply.reason, reply.diskFull, reply.id)
      return
    }
    const waiting = this.#inFlight.get(reply.id)
    this.#inFlight.delete(reply.id)
    this.#watchdog.refresh()
    if (reply.kind === 'done') waiting?.resolve(reply.bytes)
    else waiting?.reject(errorOf(this.#dir, reply.refusal))
  }

  /** The limit has passed since the last answer: unless the answer lies unread, because this thread was busy, the engine is stopped. */
  #suspect(): void {
    const [suspected] = this.#inFlight.keys()
    if (suspected === undefined) return
    setImmediate(() => {
      const running = this.#inFlight.get(suspected)
      if (this.#isDead || running === undefined) return
      this.#inFlight.delete(suspected)
      running.reject(
        new StatementTimedOut(this.#statementLimitMs, commits(running.work) ? 'unknown' : 'not-applied'),
      )
      // Nothing behind it was begun.
      this.#die('an earlier statement was stopped', false, suspected)
      void this.#worker.terminate()
    })
  }

  /** Work that PostgreSQL may have begun has an unknown end if it commits; what waited behind it was never begun. */
  #die(reason: string, diskFull: boolean, at?: number): void {
    if (this.#isDead) return
    this.#isDead = true
    clearTimeout(this.#watchdog)
    for (const [id, waiting] of this.#inFlight) {
      const begun = at === undefined || id <= at
      const outcome: Outcome = begun && commits(waiting.work) ? 'unknown' : 'not-applied'
      const cause = new Error(reason)
      waiting.reject(
        diskFull
          ? new DiskFull(this.#dir, outcome, cause)
          : new DatabaseInterrupted(this.#dir, outcome, cause),
      )
    }
    this.#inFlight.clear()
  }
}

function commits(work: Work): boolean {
  return (work.kind === 'query' || work.kind === 'script') && (work.scope === 'alone' || work.scope === 'end')
}

function errorOf(dir: string, refusal: Refusal): Error {
  switch (refusal.kind) {
    case 'fault':
      return new SqlError(refusal.fault)
    case 'disk-full':
      return new DiskFull(dir, refusal.outcome)
    case 'too-large':
      return new ResultTooLarge(refusal.sizeBytes, refusal.limitBytes)
  }
}
