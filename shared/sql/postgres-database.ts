/**
 * A PostgreSQL server behind the SQL port: one connection, made anew when it breaks. Values travel as text both ways and are read as
 * the embedded database's are, so that callers cannot tell the two apart.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Client, DatabaseError, type QueryArrayConfig, type QueryArrayResult } from 'pg'
import { StarlingError } from '../errors.ts'
import {
  DatabaseClosed,
  NestedUse,
  QueueFull,
  SqlError,
  TransactionOver,
  TransactionTimedOut,
} from './errors.ts'
import { QUEUE_LIMIT, STATEMENT_LIMIT_MS, TRANSACTION_LIMIT_MS } from './embedded-database.ts'
import type { Database, Row, SqlValue, Transaction } from './port.ts'
import { decoderOf, encodeParameter } from './wire/values.ts'

/** A server on the same network answers in milliseconds; one behind a waking proxy takes seconds. */
const CONNECT_LIMIT_MS = 10_000
/** Statements whose parameters' types are remembered. */
const TYPES_LIMIT = 500

/** The same text forms as the embedded database (`settings.ts`). */
const SESSION_SETTINGS = `
set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'iso_8601'; set extra_float_digits = 1; set bytea_output = 'hex';
set client_encoding = 'UTF8'; set standard_conforming_strings = on; set statement_timeout = ${STATEMENT_LIMIT_MS};
`

/** The server cannot be reached, or broke the connection in mid-statement. */
export class DatabaseUnreachable extends StarlingError {
  override readonly code = 'database_unreachable'

  constructor(server: string, cause: unknown) {
    super(
      `the database at ${server} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        remedy: 'See that the server runs and that the address, the user and the password are right.',
        details: { server },
        cause,
      },
    )
  }
}

export interface PostgresOptions {
  readonly url: string
  /** Shown among the server's connections. */
  readonly name: string
}

/** A connection to `url`. Throws {@link DatabaseUnreachable}. */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const database = new PostgresDatabase(options)
  try {
    await database.query('select 1')
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

/** A server's address without its password, for messages. */
export function serverOf(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url)
    return `${hostname}:${port === '' ? '5432' : port}${pathname}`
  } catch {
    return 'the given address'
  }
}

export class PostgresDatabase implements Database {
  readonly #options: PostgresOptions
  readonly #within = new AsyncLocalStorage<{ isOver: boolean }>()
  readonly #types = new Map<string, readonly number[]>()
  #client: Client | null = null
  #last: Promise<unknown> = Promise.resolve()
  #queued = 0
  #closing: Promise<void> | undefined

  constructor(options: PostgresOptions) {
    this.#options = options
  }

  async query<R extends Row = Row>(text: string, params: readonly SqlValue[] = []): Promise<readonly R[]> {
    return await this.#next(async (client) => (await this.#alone(client, text, params)) as readonly R[])
  }

  async script(text: string): Promise<void> {
    await this.#next(async (client) => {
      refuseNul(text)
      await this.#ask(client, async () => await client.query(text))
      await this.#refuseBegun(client)
    })
  }

  /** The server makes its own: only the order of use is kept. */
  async checkpoint(): Promise<void> {
    await this.#next(async () => await Promise.resolve())
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#next(async (client) => await this.#inTransaction(client, work))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#last
    await this.#client?.end().catch(() => undefined)
    this.#client = null
  }

  async #inTransaction<T>(client: Client, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const within = { isOver: false }
    const tx: Transaction = {
      kind: 'transaction',
      query: async <R extends Row = Row>(text: string, params: readonly SqlValue[] = []) => {
        if (within.isOver) throw new TransactionOver()
        refuseEnded(client)
        const rows = (await this.#run(client, text, params)) as readonly R[]
        refuseEnded(client)
        return rows
      },
    }
    await this.#ask(client, async () => await client.query('begin'))
    let result: T
    try {
      result = await withinLimit(this.#within.run(within, async () => await work(tx)))
      within.isOver = true
      refuseEnded(client)
    } catch (error) {
      within.isOver = true
      // Where the connection broke, the server has rolled back by itself.
      await client.query('rollback').catch(() => undefined)
      throw error
    }
    const { command } = await this.#ask(client, async () => await client.query('commit'))
    if (command === 'COMMIT') return result
    throw new SqlError({
      sqlState: '25P02',
      message: 'a statement of the transaction had failed, so it was rolled back',
      hint: 'Let the error of a failed statement leave the callback of transaction().',
    })
  }

  /** In the order of asking, one at a time. */
  async #next<T>(work: (client: Client) => Promise<T>): Promise<T> {
    if (this.#within.getStore()?.isOver === false) throw new NestedUse()
    if (this.#closing !== undefined) throw new DatabaseClosed(serverOf(this.#options.url))
    if (this.#queued >= QUEUE_LIMIT) throw new QueueFull(QUEUE_LIMIT)
    this.#queued++
    const turn = async (): Promise<T> => await work(await this.#connected())
    const result = this.#last.then(turn, turn).finally(() => this.#queued--)
    this.#last = result.catch(() => undefined)
    return await result
  }

  async #connected(): Promise<Client> {
    if (this.#client !== null) return this.#client
    const { url, name } = this.#options
    const client = new Client({
      connectionString: url,
      application_name: name,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
    })
    const forget = (): void => {
      if (this.#client === client) this.#client = null
    }
    client.on('error', forget).on('end', forget)
    await this.#ask(client, async () => {
      await client.connect()
      await client.query(SESSION_SETTINGS)
    })
    this.#client = client
    return client
  }

  async #alone(client: Client, text: string, params: readonly SqlValue[]): Promise<readonly Row[]> {
    const rows = await this.#run(client, text, params)
    await this.#refuseBegun(client)
    return rows
  }

  /** A stray BEGIN would swallow the commits after it. */
  async #refuseBegun(client: Client): Promise<void> {
    if (client.getTransactionStatus() === 'I') return
    await this.#ask(client, async () => await client.query('rollback'))
    throw new SqlError({
      sqlState: '25001',
      message: 'a statement began a transaction',
      hint: 'Use transaction() instead of BEGIN.',
    })
  }

  async #run(client: Client, text: string, params: readonly SqlValue[]): Promise<readonly Row[]> {
    refuseNul(text)
    const isPlain = params.every((value) => value === null || typeof value !== 'object')
    const types = isPlain ? [] : await this.#typesOf(client, text)
    const values = params.map((value, index) => {
      const encoded = encodeParameter(value, types[index] ?? 0, index + 1)
      return encoded instanceof Uint8Array ? Buffer.from(encoded) : encoded
    })
    // Extended also without parameters: the simple protocol would take several statements at once.
    const call: QueryArrayConfig & { readonly queryMode: 'extended' } = {
      text,
      values,
      rowMode: 'array',
      types: AS_TEXT,
      queryMode: 'extended',
    }
    const result = await this.#ask(client, async () => await client.query<(string | null)[]>(call))
    return rowsOf(result)
  }

  /** What the server takes each parameter for: lists and bytes are written differently to different types. */
  async #typesOf(client: Client, text: string): Promise<readonly number[]> {
    const known = this.#types.get(text)
    if (known !== undefined) return known
    const { rows } = await this.#ask(client, async () => {
      await client.query(`prepare starling_types as ${text}`)
      const found = await client.query<{ types: string | null }>(
        `select array_to_string(parameter_types::oid[], ',') as types from pg_prepared_statements where name = 'starling_types'`,
      )
      await client.query('deallocate starling_types')
      return found
    })
    const types = (rows[0]?.types ?? '').split(',').map(Number)
    if (this.#types.size >= TYPES_LIMIT) this.#types.clear()
    this.#types.set(text, types)
    return types
  }

  async #ask<T>(client: Client, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof DatabaseError) throw new SqlError(faultOf(error))
      if (error instanceof StarlingError) throw error
      if (this.#client === client) this.#client = null
      throw new DatabaseUnreachable(serverOf(this.#options.url), error)
    }
  }
}

/** After a stray COMMIT, what follows would be committed one by one. */
function refuseEnded(client: Client): void {
  if (client.getTransactionStatus() !== 'I') return
  throw new SqlError({
    sqlState: '25P01',
    message: 'a statement ended its transaction',
    hint: 'Return or throw from the callback of transaction() instead of COMMIT or ROLLBACK.',
  })
}

function refuseNul(text: string): void {
  if (text.includes('\0'))
    throw new SqlError({ sqlState: '22021', message: 'the statement holds a NUL character' })
}

const AS_TEXT = { getTypeParser: () => (text: string) => text }

function rowsOf({ rows, fields }: QueryArrayResult<(string | null)[]>): readonly Row[] {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, decode: decoderOf(dataTypeID) }))
  return rows.map((row) => {
    const decoded: Record<string, SqlValue> = {}
    for (const [index, { name, decode }] of columns.entries()) {
      const text = row[index] ?? null
      decoded[name] = text === null ? null : decode(text)
    }
    return decoded
  })
}

function faultOf(error: DatabaseError): ConstructorParameters<typeof SqlError>[0] {
  const { code, message, detail, hint, position, table, column, constraint } = error
  return {
    sqlState: code ?? 'XX000',
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(position === undefined ? {} : { position }),
    ...(table === undefined ? {} : { table }),
    ...(column === undefined ? {} : { column }),
    ...(constraint === undefined ? {} : { constraint }),
  }
}

async function withinLimit<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransactionTimedOut(TRANSACTION_LIMIT_MS)), TRANSACTION_LIMIT_MS)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
