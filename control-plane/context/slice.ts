/** What a device may see of a table, as a digest, at a transaction that its copy can stand at too. */
import { namedShape, type ShapeScope } from '../../shared/context/shapes.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import { invariant, StarlingError } from '../../shared/errors.ts'
import type { Database } from '../../shared/sql/port.ts'
import { SLICE_DIGEST_SQL, type SliceAnswer } from '../../shared/wire/context.ts'

export class SliceUnsettled extends StarlingError {
  override readonly code = 'slice_unsettled'
}

/** Between writers that never rest, a moment in which all changes are numbered comes soon: they are numbered in bulk. */
const TRIES = 20

export interface SliceParts {
  readonly db: Database
  /** Numbers what committed before; null where another server's numbers count. */
  readonly settle: (() => Promise<void>) | null
}

/** Throws {@link SliceUnsettled} where the centre's data never stood still. */
export async function sliceOf(
  { db, settle }: SliceParts,
  scope: ShapeScope,
  table: ContextTable,
): Promise<SliceAnswer> {
  const shape = namedShape(table)
  invariant(shape !== undefined, 'every context table has a shape')
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await settle?.()
    // One statement sees one moment: rows, what of them is numbered, and whether that is all.
    const [found] = await db.query<{ lsn: string; is_all: boolean; rows: number; sha256: string }>(
      `select p.published::text as lsn, d.rows, d.sha256,
         p.under_way_xid is null and not exists (select from starling_shapes.change) as is_all
       from starling_shapes.progress p,
         (select ${SLICE_DIGEST_SQL} from ${shape.schema}.${shape.table} where ${shape.where}) d`,
      [...shape.params(scope)],
    )
    if (found === undefined || (settle !== null && !found.is_all)) continue
    return { v: 1, lsn: settle === null ? null : found.lsn, rows: found.rows, sha256: found.sha256 }
  }
  throw new SliceUnsettled(`the centre's ${table} changed too fast to be digested`, {
    remedy: 'Ask again in a moment.',
  })
}
