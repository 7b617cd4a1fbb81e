/**
 * PostgreSQL's protocol spoken straight to PGlite, inside its worker. PGlite's own `query()` makes five round trips into
 * WebAssembly and parses twice; here a statement is parsed and described once, and run by one bind-execute-sync.
 */
import { Buffer } from 'node:buffer'
import type { PGlite } from '@electric-sql/pglite'
import { SqlError } from './errors.ts'
import type { SqlFault } from './errors.ts'
import type { Refusal, Scope, Work } from './messages.ts'
import type { SqlValue } from './port.ts'
import { AnswerBuffer } from './wire/answer-buffer.ts'
import { columnsOf, faultOf, messagesOf, parameterOidsOf, statusOf, tagOf } from './wire/backend.ts'
import type { TransactionStatus } from './wire/backend.ts'
import { FrontendWriter } from './wire/frontend.ts'
import type { Parameter } from './wire/frontend.ts'
import { BYTEA, encodeParameter } from './wire/values.ts'

/** Prepared statements kept: each costs some 10 KB in PostgreSQL, and an agent has some dozens. */
const STATEMENT_LIMIT = 128
/** A longer statement is generated (many VALUES) and does not come again in the same words. */
const KEPT_TEXT_CHARS = 4096

interface Statement {
  readonly name: string
  readonly parameterOids: readonly number[]
  readonly binaryColumns: readonly boolean[]
  /** RowDescription as it comes with the rows, empty for a statement without rows. */
  readonly description: Uint8Array
}

export type Ran =
  | { readonly kind: 'done'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What an answer comes to; `tag` is the last command's. */
interface Outline {
  readonly fault: SqlFault | undefined
  readonly tag: string
}

export class Session {
  readonly #pg: PGlite
  readonly #writer = new FrontendWriter()
  readonly #answer = new AnswerBuffer()
  readonly #statements = new Map<string, Statement>()
  #statementCount = 0
  #status: TransactionStatus = 'I'

  constructor(pg: PGlite) {
    this.#pg = pg
  }

  get status(): TransactionStatus {
    return this.#status
  }

  /** Rejects only when the engine has died. */
  async run(work: Exclude<Work, { kind: 'checkpoint' | 'close' }>): Promise<Ran> {
    if (work.text.includes('\0'))
      return refuse({ sqlState: '22021', message: 'the statement holds a NUL character' })
    const premature = this.#refuseOutside(work.scope)
    if (premature !== undefined) return refuse(premature)
    const ran =
      work.kind === 'script' ? await this.#script(work.text) : await this.#query(work.text, work.params)
    const stray = await this.#checkScope(work.scope)
    return stray === undefined || ran.kind === 'refused' ? ran : refuse(stray)
  }

  async #script(text: string): Promise<Ran> {
    const { fault } = await this.#send(this.#writer.query(text))
    this.#forgetAll()
    return fault === undefined ? { kind: 'done', bytes: new Uint8Array(0) } : refuse(fault)
  }

  async #query(text: string, params: readonly SqlValue[]): Promise<Ran> {
    if (COPY_IN.test(text)) return await this.#copyIn(text, params)
    const wasKnown = this.#statements.has(text)
    const statement = await this.#prepare(text)
    if ('sqlState' in statement) return refuse(statement)
    const encoded = encodeAll(params, statement.parameterOids)
    if ('sqlState' in encoded) return refuse(encoded)
    this.#writer.bind(statement.name, encoded, statement.binaryColumns).execute()
    const { fault, tag } = await this.#send(this.#writer.sync(), statement.description)
    if (fault !== undefined) {
      if (fault.sqlState !== SHAPE_CHANGED) return refuse(fault)
      this.#forgetAll()
      return wasKnown && this.#status === 'I' ? await this.#query(text, params) : refuse(fault)
    }
    const { overflow } = this.#answer
    const ran: Ran =
      overflow === undefined
        ? { kind: 'done', bytes: this.#answer.take() }
        : { kind: 'refused', refusal: { kind: 'too-large', ...overflow } }
    if (!KEEPS_SHAPES.has(tag.split(' ', 1)[0] ?? '')) this.#forgetAll()
    return ran
  }

  /** The data follows the statement in the same message: the engine reads it from where it read that. */
  async #copyIn(text: string, [data, ...more]: readonly SqlValue[]): Promise<Ran> {
    if (!(data instanceof Uint8Array) || more.length > 0)
      return refuse({
        sqlState: '08P01',
        message: 'COPY FROM STDIN takes its data as the one parameter, in bytes',
      })
    const { fault } = await this.#send(this.#writer.query(text).copy(data))
    return fault === undefined ? { kind: 'done', bytes: new Uint8Array(0) } : refuse(fault)
  }

  async #prepare(text: string): Promise<Statement | SqlFault> {
    const known = this.#statements.get(text)
    if (known !== undefined) {
      // The map's order is the order of use.
      this.#statements.delete(text)
      this.#statements.set(text, known)
      return known
    }
    const kept = text.length <= KEPT_TEXT_CHARS
    const name = kept ? `s${String(this.#statementCount++)}` : ''
    if (kept) this.#makeRoom()
    const { fault } = await this.#send(this.#writer.parse(name, text).describeStatement(name).sync())
    if (fault !== undefined) return fault
    const statement = describe(name, this.#answer.view())
    if (kept) this.#statements.set(text, statement)
    return statement
  }

  #makeRoom(): void {
    if (this.#statements.size < STATEMENT_LIMIT) return
    for (const [text, oldest] of this.#statements) {
      this.#statements.delete(text)
      this.#writer.closeStatement(oldest.name)
      return
    }
  }

  /** Closes every prepared statement, with the next message that is sent. */
  #forgetAll(): void {
    for (const { name } of this.#statements.values()) this.#writer.closeStatement(name)
    this.#statements.clear()
  }

  async #checkScope(scope: Scope): Promise<SqlFault | undefined> {
    const inside = this.#status !== 'I'
    if (scope === 'alone' && inside) {
      await this.#send(this.#writer.query('ROLLBACK'))
      return {
        sqlState: '25001',
        message: 'a statement began a transaction',
        hint: 'Use transaction() instead of BEGIN.',
      }
    }
    return scope === 'within' ? this.#refuseOutside(scope) : undefined
  }

  /** After a stray COMMIT, what follows would be committed one by one. */
  #refuseOutside(scope: Scope): SqlFault | undefined {
    if (this.#status !== 'I' || scope === 'alone' || scope === 'begin') return undefined
    return {
      sqlState: '25P01',
      message: 'a statement ended its transaction',
      hint: 'Return or throw from the callback of transaction() instead of COMMIT or ROLLBACK.',
    }
  }

  /** CHECKPOINT, which PostgreSQL allows inside a transaction too, but not inside a failed one. */
  async checkpoint(): Promise<Ran> {
    if (this.#status === 'E') return { kind: 'done', bytes: new Uint8Array(0) }
    const { fault } = await this.#send(this.#writer.query('CHECKPOINT'))
    return fault === undefined ? { kind: 'done', bytes: new Uint8Array(0) } : refuse(fault)
  }

  /** The answer starts with `prefix` and stays in the buffer until the next call. */
  async #send(messages: FrontendWriter, prefix?: Uint8Array): Promise<Outline> {
    this.#answer.start(prefix)
    await this.#pg.execProtocolRawStream(messages.take(), {
      syncToFs: false,
      onRawData: (chunk) => {
        this.#answer.append(chunk)
      },
    })
    let fault: SqlFault | undefined
    let tag = ''
    if (this.#answer.overflow !== undefined) {
      this.#status = statusOf(Buffer.of(this.#answer.lastByte))
      return { fault, tag }
    }
    for (const { type, body } of messagesOf(this.#answer.view())) {
      if (type === 'E') fault ??= faultOf(body)
      else if (type === 'C') tag = tagOf(body)
      else if (type === 'Z') this.#status = statusOf(body)
    }
    return { fault, tag }
  }
}

const COPY_IN = /^\s*copy\b[^;]*\bfrom\s+stdin\b/i

/** feature_not_supported: "cached plan must not change result type", after a definition changed inside a function. */
const SHAPE_CHANGED = '0A000'

/** Commands after which prepared statements still describe their rows rightly; a rollback may bring old columns back. */
const KEEPS_SHAPES: ReadonlySet<string> = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'COPY',
  'FETCH',
  'SHOW',
  'EXPLAIN',
  'BEGIN',
  'COMMIT',
  'SAVEPOINT',
  'RELEASE',
  'LOCK',
  'CHECKPOINT',
  'VACUUM',
  'ANALYZE',
  'NOTIFY',
])

function describe(name: string, answer: Uint8Array): Statement {
  let parameterOids: readonly number[] = []
  let binaryColumns: readonly boolean[] = []
  let description = new Uint8Array(0)
  for (const { type, body } of messagesOf(answer)) {
    if (type === 't') parameterOids = parameterOidsOf(body)
    if (type !== 'T') continue
    const columns = columnsOf(body)
    binaryColumns = columns.map((column) => column.oid === BYTEA)
    // The header (type and length) precedes the body in the same memory.
    description = new Uint8Array(body.length + 5)
    description.set(new Uint8Array(body.buffer, body.byteOffset - 5, body.length + 5))
    let at = 5 + 2
    for (const [index, column] of columns.entries()) {
      at += Buffer.byteLength(column.name) + 1 + 18
      if (binaryColumns[index] === true) description[at - 1] = 1
    }
  }
  return { name, parameterOids, binaryColumns, description }
}

function encodeAll(params: readonly SqlValue[], oids: readonly number[]): readonly Parameter[] | SqlFault {
  if (params.length !== oids.length)
    return {
      sqlState: '08P01',
      message: `the statement takes ${String(oids.length)} parameters, ${String(params.length)} were given`,
    }
  try {
    return params.map((value, index) => encodeParameter(value, oids[index] ?? 0, index + 1))
  } catch (error) {
    if (error instanceof SqlError) return error.fault
    throw error
  }
}

function refuse(fault: SqlFault): Ran {
  // disk_full as an ERROR: PostgreSQL has undone the statement itself.
  if (fault.sqlState === '53100')
    return { kind: 'refused', refusal: { kind: 'disk-full', outcome: 'not-applied' } }
  return { kind: 'refused', refusal: { kind: 'fault', fault } }
}
