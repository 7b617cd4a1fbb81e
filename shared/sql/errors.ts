/**
 * What can go wrong between Starling and its database: a statement that PostgreSQL refuses is a {@link SqlError}, the rest
 * is the machine's.
 */
import { StarlingError } from '../errors.ts'

/** PostgreSQL's own report of a refused statement (protocol field letters in brackets). */
export interface SqlFault {
  /** [C] five characters, https://www.postgresql.org/docs/18/errcodes-appendix.html */
  readonly sqlState: string
  /** [M] */
  readonly message: string
  /** [D] */
  readonly detail?: string
  /** [H] */
  readonly hint?: string
  /** [P] 1-based character in the statement. */
  readonly position?: string
  /** [t] */
  readonly table?: string
  /** [c] */
  readonly column?: string
  /** [n] */
  readonly constraint?: string
}

export class SqlError extends StarlingError {
  override readonly code = 'sql_error'
  readonly sqlState: string
  readonly fault: SqlFault

  constructor(fault: SqlFault) {
    super(`${fault.message} (SQLSTATE ${fault.sqlState})`, {
      remedy: fault.hint ?? fault.detail ?? 'Correct the statement or its parameters.',
      details: { ...fault },
    })
    this.sqlState = fault.sqlState
    this.fault = fault
  }
}

/** Whether a change may have been made although its caller saw an error. */
export type Outcome = 'not-applied' | 'unknown'

/** SQLSTATE 53100, or ENOSPC beneath. The database goes on, or reopens by itself, once there is space. */
export class DiskFull extends StarlingError {
  override readonly code = 'disk_full'
  readonly sqlState = '53100'
  readonly outcome: Outcome

  constructor(dir: string, outcome: Outcome, cause?: unknown) {
    super(`no space is left on the disk of ${dir}`, {
      remedy: `Free space on the disk of ${dir}; the database goes on by itself, nothing acknowledged is lost.`,
      details: { dir, outcome },
      cause,
    })
    this.outcome = outcome
  }
}

/** One statement ran so long that the engine was stopped under it; it is reopened at the next use. */
export class StatementTimedOut extends StarlingError {
  override readonly code = 'statement_timed_out'
  readonly outcome: Outcome

  constructor(limitMs: number, outcome: Outcome) {
    super(`a statement ran longer than ${String(limitMs)} ms and was stopped`, {
      remedy: 'Have it read or change fewer rows at a time.',
      details: { limitMs, outcome },
    })
    this.outcome = outcome
  }
}

/** The engine died in mid-statement (a PANIC, or out of memory). It is reopened at the next use. */
export class DatabaseInterrupted extends StarlingError {
  override readonly code = 'database_interrupted'
  readonly outcome: Outcome

  constructor(dir: string, outcome: Outcome, cause: unknown) {
    super(`the database in ${dir} stopped in the middle of this statement`, {
      remedy:
        outcome === 'unknown'
          ? 'Try again if the change is idempotent: whether it was committed is not known.'
          : 'Try again: the change was not made.',
      details: { dir, outcome },
      cause,
    })
    this.outcome = outcome
  }
}

export class DatabaseLocked extends StarlingError {
  override readonly code = 'database_locked'
  readonly pid: number

  constructor(dir: string, pid: number, cause: unknown) {
    super(`the database in ${dir} is open in process ${String(pid)}`, {
      remedy: `Stop process ${String(pid)} first: two writers would ruin the database.`,
      details: { dir, pid },
      cause,
    })
    this.pid = pid
  }
}

export class DatabaseDamaged extends StarlingError {
  override readonly code = 'database_damaged'

  constructor(dir: string, cause: unknown) {
    super(`the database in ${dir} does not open: ${cause instanceof Error ? cause.message : String(cause)}`, {
      remedy: `Keep a copy of ${dir}, move it away and start again: the device fills a new one from the centre.`,
      details: { dir },
      cause,
    })
  }
}

/** The template of an empty database that Starling ships does not match its digest. */
export class TemplateDamaged extends StarlingError {
  override readonly code = 'database_template_damaged'
}

export class DatabaseClosed extends StarlingError {
  override readonly code = 'database_closed'

  constructor(dir: string) {
    super(`the database in ${dir} is closed`, { remedy: 'Open it again before using it.', details: { dir } })
  }
}

export class QueueFull extends StarlingError {
  override readonly code = 'database_queue_full'

  constructor(limit: number) {
    super(`${String(limit)} statements already wait for the database`, {
      remedy: 'Wait for earlier statements before sending more, or send fewer, larger ones.',
      details: { limit },
    })
  }
}

export class TransactionTimedOut extends StarlingError {
  override readonly code = 'transaction_timed_out'

  constructor(limitMs: number) {
    super(`a transaction held the database longer than ${String(limitMs)} ms and was rolled back`, {
      remedy: 'Await nothing but its own statements inside a transaction, never the database it came from.',
      details: { limitMs },
    })
  }
}

/** A transaction's callback asked the database itself, which would wait for that very transaction. */
export class NestedUse extends StarlingError {
  override readonly code = 'nested_use'

  constructor() {
    super('the database was used inside one of its transactions', {
      remedy: 'Inside transaction(), query the transaction that the callback is given.',
    })
  }
}

export class TransactionOver extends StarlingError {
  override readonly code = 'transaction_over'

  constructor() {
    super('this transaction has ended', { remedy: 'Use a transaction only inside its callback.' })
  }
}

export class ResultTooLarge extends StarlingError {
  override readonly code = 'result_too_large'

  constructor(sizeBytes: number, limitBytes: number) {
    super(`the answer has ${String(sizeBytes)} bytes, the limit is ${String(limitBytes)}`, {
      remedy: 'Ask for fewer rows or columns, page by page.',
      details: { sizeBytes, limitBytes },
    })
  }
}
