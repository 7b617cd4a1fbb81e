/** How far the vectors of each model are made, for people who wait for a change of the model. */
import type { Queryable } from '../../shared/sql/port.ts'

export interface VectorStatus {
  /** The model's digest. */
  readonly model: string
  readonly dimension: number
  /** True once every text had its vector: from then on questions go to them. */
  readonly complete: boolean
  readonly made: number
  /** Texts that are to have one. */
  readonly of: number
  /** What they take on the disk, without the index rows beside them. */
  readonly sizeBytes: number
}

/** The newest model first. */
export async function vectorStatus(sql: Queryable): Promise<readonly VectorStatus[]> {
  return await sql.query<VectorStatus & Record<string, string | number | boolean>>(
    `select s.model, s.dimension, s.complete, count(v.chunk) as made, (select count(*) from search.chunk where prose) as of,
       coalesce(sum(pg_column_size(v.vector)), 0)::bigint as "sizeBytes"
     from search.stamp s left join search.vector v on v.stamp = s.id group by s.id order by s.id desc`,
  )
}
