/** The life of a release, in the order in which it went: each step is a row, written in the transaction of its record. */
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { CentreWork } from '../performer.ts'

export const TRANSITIONS = [
  'registered',
  'evaluated',
  'signed',
  'approved',
  'tagged',
  'staged',
  'promoted',
  'demoted',
  'retired',
] as const
export type TransitionKind = (typeof TRANSITIONS)[number]

export interface ReleaseRef {
  readonly name: string
  readonly version: string
}

export type Transition = {
  readonly kind: TransitionKind
  readonly by: string
  readonly recordId: string
  readonly at: string
  readonly detail: JsonObject
}

/** Adds a step to a release's life, on behalf of whoever the record names. */
export async function noteTransition(
  { tx, recordId, principal }: CentreWork,
  clock: Clock,
  step: ReleaseRef & { readonly kind: TransitionKind; readonly detail?: JsonObject },
): Promise<void> {
  await tx.query(
    `insert into centre.release_transition (name, version, kind, by, record_id, at, detail)
     values ($1, $2, $3, $4, $5, $6::text::timestamptz, $7::text::jsonb)`,
    [
      step.name,
      step.version,
      step.kind,
      principal.id,
      recordId,
      new Date(clock.nowMs()).toISOString(),
      JSON.stringify(step.detail ?? {}),
    ],
  )
}

/** Oldest first. */
export async function transitionsOf(sql: Queryable, of: ReleaseRef): Promise<readonly Transition[]> {
  return await sql.query<Transition>(
    `select kind, by, record_id as "recordId", at, detail from centre.release_transition
     where name = $1 and version = $2 order by id`,
    [of.name, of.version],
  )
}

/** Who entered a release; the centre itself where that was before it was written down. */
export async function authorOf(sql: Queryable, of: ReleaseRef): Promise<string> {
  const [row] = await sql.query<{ by: string }>(
    `select by from centre.release_transition where name = $1 and version = $2 and kind = 'registered' order by id limit 1`,
    [of.name, of.version],
  )
  return row?.by ?? 'control-plane'
}

export async function isRetired(sql: Queryable, of: ReleaseRef): Promise<boolean> {
  const [row] = await sql.query(
    `select 1 as found from centre.release_transition where name = $1 and version = $2 and kind = 'retired' limit 1`,
    [of.name, of.version],
  )
  return row !== undefined
}
