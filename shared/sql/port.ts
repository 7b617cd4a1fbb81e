/**
 * The SQL port: PostgreSQL's dialect, `$1` parameters, one connection that runs one transaction at a time.
 * PGlite in a worker thread is the embedded adapter (`open-database.ts`); `test/shared/sql/contract` is its acceptance suite.
 */
import type { Json } from '../json.ts'

/**
 * How values arrive: int8 as a number up to 2^53 and as text beyond, numeric as a number up to 15 digits and as text beyond,
 * json and jsonb parsed, timestamptz as ISO 8601 text in UTC, bytea as bytes, arrays of these as arrays, other types as text.
 * How they are sent: an array as an array to a parameter of array type and as JSON to any other; a string to a json
 * parameter is taken for JSON text, so that `JSON.stringify(value)` and `value` mean the same; a lone surrogate is refused.
 */
export type SqlValue = Json | Uint8Array | bigint
export type Row = Readonly<Record<string, SqlValue>>

export interface Queryable {
  /**
   * Runs one parameterised statement. Throws `SqlError` with PostgreSQL's SQLSTATE as `sqlState`. The embedded database takes the
   * data of a `COPY … FROM STDIN` as its one parameter, in bytes.
   */
  query<R extends Row = Row>(text: string, params?: readonly SqlValue[]): Promise<readonly R[]>
}

/** Alive only inside the callback of {@link Database.transaction}. */
export interface Transaction extends Queryable {
  readonly kind: 'transaction'
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction: committed and durable (fsync) when the promise resolves, rolled back when it rejects.
   * Inside `work` only `tx` may be used: the database itself refuses with `NestedUse`, as it would wait for `work` to end.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Runs several statements without parameters (DDL). */
  script(text: string): Promise<void>
  /** CHECKPOINT; PGlite has no background workers, so the owner schedules it. */
  checkpoint(): Promise<void>
  close(): Promise<void>
}
