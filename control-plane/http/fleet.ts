/** The fleet as people look at it: found by name, site or state, a page at a time, with what each device last said of its bundles. */
import * as v from 'valibot'
import { ReportedBundleSchema } from '../../shared/wire/state.ts'
import type { Json } from '../../shared/json.ts'
import type { Database, Queryable } from '../../shared/sql/port.ts'
import type { EnrolmentParts } from '../identity/enrol.ts'
import { endpoint, type Endpoint } from './endpoint.ts'

const Name = v.pipe(v.string(), v.maxLength(100))
const Whole = v.pipe(v.number(), v.integer(), v.minValue(0))
/** A screen's worth. */
const PAGE = 100
export const Limit = v.optional(
  v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(500)),
  String(PAGE),
)
/** A part of a name: nothing that `like` reads as a pattern. */
export const Find = v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{0,40}$/)), '')

export const BundleView = v.object({
  ...v.pick(ReportedBundleSchema, ['name', 'version', 'state', 'code', 'message', 'transfer']).entries,
})
export type ShownBundle = v.InferOutput<typeof BundleView>

const STATES = ['installing', 'deferred', 'refused', 'parked', 'standing_still', 'revoked'] as const

export const FleetView = v.object({
  /** In force: enrolled and not revoked. */
  devices: Whole,
  revoked: Whole,
  /** Journals that do not hold. */
  problems: Whole,
  records: Whole,
  matching: Whole,
  page: v.array(
    v.object({
      device: v.string(),
      site: v.string(),
      enrolledAt: v.string(),
      revokedAt: v.nullable(v.string()),
      seenAt: v.nullable(v.string()),
      records: Whole,
      problem: v.nullable(v.string()),
      bundles: v.array(BundleView),
    }),
  ),
})

type Row = {
  readonly device: string
  readonly site: string
  readonly enrolledAt: string
  readonly revokedAt: string | null
  readonly seenAt: string | null
  readonly records: number
  readonly problem: string | null
  readonly bundles: Json
}

export function fleetEndpoint(db: Database, { tenant }: Pick<EnrolmentParts, 'tenant'>): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/fleet',
      tag: 'fleet',
      summary: 'Devices by name, a page at a time: their journals, and what they last said of their bundles.',
      query: v.object({
        /** A part of the device's or the site's name. */
        find: Find,
        state: v.optional(v.picklist(STATES)),
        after: v.optional(Name, ''),
        limit: Limit,
      }),
      answer: FleetView,
      refusals: [422],
    },
    async ({ query: { find, state = null, after, limit } }) => {
      const [sums] = await db.query<{
        devices: number
        revoked: number
        problems: number
        records: number
        matching: number
      }>(
        `${SEEN} select count(*) filter (where "revokedAt" is null) as devices,
           count(*) filter (where "revokedAt" is not null) as revoked,
           count(problem) as problems, coalesce(sum(records), 0)::bigint as records,
           count(*) filter (where ${MATCHES}) as matching from seen`,
        [tenant, find, state],
      )
      const rows = await db.query<Row>(
        `${SEEN} select * from seen where (${MATCHES}) and device > $4 order by device limit $5`,
        [tenant, find, state, after, limit],
      )
      return {
        ...(sums ?? { devices: 0, revoked: 0, problems: 0, records: 0, matching: 0 }),
        page: rows.map(({ bundles, ...row }) => ({ ...row, bundles: [...bundlesIn(bundles)] })),
      }
    },
  )
}

const SEEN = `with seen as (
  select d.id as device, d.site, d.enrolled_at as "enrolledAt", d.revoked_at as "revokedAt", d.seen_at as "seenAt",
    coalesce(i.seq, 0) as records, i.problem->>'message' as problem, d.reported->'bundles' as bundles
  from centre.device d left join ingest.device i on i.device = d.id and i.tenant = $1
)`
const MATCHES = `(position($2 in device) > 0 or position($2 in site) > 0) and ($3::text is null
  or ($3 = 'revoked' and "revokedAt" is not null) or ($3 = 'standing_still' and problem is not null)
  or ("revokedAt" is null and bundles @> jsonb_build_array(jsonb_build_object('state', $3::text))))`

/** What these devices last said of one bundle. */
export async function saidOf(
  sql: Queryable,
  bundle: string,
  devices: readonly string[],
): Promise<ReadonlyMap<string, { readonly seenAt: string | null; readonly bundle: ShownBundle | null }>> {
  const rows = await sql.query<{ device: string; seenAt: string | null; bundles: Json }>(
    `select id as device, seen_at as "seenAt", reported->'bundles' as bundles from centre.device
     where id in (select jsonb_array_elements_text($1::text::jsonb))`,
    [JSON.stringify(devices)],
  )
  return new Map(
    rows.map(({ device, seenAt, bundles }) => {
      const said = bundlesIn(bundles).find(({ name }) => name === bundle) ?? null
      return [device, { seenAt, bundle: said }]
    }),
  )
}

function bundlesIn(value: Json): readonly ShownBundle[] {
  const parsed = v.safeParse(v.array(BundleView), value)
  return parsed.success ? parsed.output : []
}
