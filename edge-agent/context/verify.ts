/** Whether the device's copy of a table is what the centre has for it, both digested at the same transaction. */
import type { ContextTable } from '../../shared/context/tables.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { SLICE_DIGEST_SQL, SliceAnswerSchema, type SliceAnswer } from '../../shared/wire/context.ts'
import type { ContextSync } from './sync.ts'

export class NoCommonMoment extends StarlingError {
  override readonly code = 'no_common_moment'
}

export interface TableVerdict {
  readonly table: ContextTable
  readonly holds: boolean
  /** The transaction at which both were digested; null where the centre's numbers are not the shapes'. */
  readonly lsn: string | null
  readonly device: { readonly rows: number; readonly sha256: string }
  readonly centre: { readonly rows: number; readonly sha256: string }
}

export interface VerifyParts {
  readonly sql: Queryable
  readonly sync: Pick<ContextSync, 'at'>
  readonly slice: (table: ContextTable, signal: AbortSignal) => Promise<SliceAnswer>
}

/** Between the centre's answer and the copy coming to that transaction, a newer one may already be applied. */
const TRIES = 10

/** Throws {@link NoCommonMoment}; the centre's refusal; the signal's reason. */
export async function verifyTable(
  { sql, sync, slice }: VerifyParts,
  table: ContextTable,
  signal: AbortSignal,
): Promise<TableVerdict> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { lsn, rows, sha256 } = await slice(table, signal)
    const digest = async (): Promise<TableVerdict['device']> => await digestOf(sql, table)
    const device = lsn === null ? await digest() : await sync.at(BigInt(lsn), digest, signal)
    const isSame = device?.sha256 === sha256
    // Without a number to meet at, only what is equal says something.
    if (device === null || (lsn === null && !isSame && attempt + 1 < TRIES)) continue
    return { table, holds: isSame, lsn, device, centre: { rows, sha256 } }
  }
  throw new NoCommonMoment(`the centre's ${table} changed too fast to be compared`, {
    remedy: 'Ask again in a moment.',
  })
}

/** The centre's side, asked over the fabric. */
export function sliceOver(ask: Ask): VerifyParts['slice'] {
  return async (table, signal) => {
    const request = new TextEncoder().encode(JSON.stringify({ v: 1, table }))
    return decodeJson(SliceAnswerSchema, await ask('context.slice', request, signal))
  }
}

async function digestOf(sql: Queryable, table: ContextTable): Promise<TableVerdict['device']> {
  const [found] = await sql.query<{ rows: number; sha256: string }>(
    `select ${SLICE_DIGEST_SQL} from context.row where tbl = $1`,
    [table],
  )
  return found ?? { rows: 0, sha256: '' }
}
