/** Every release of a bundle, and from which each follows: what a graph of its lineage is drawn of. */
import * as v from 'valibot'
import type { Json } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'

const ManifestView = v.object({
  card: v.optional(v.object({ title: v.string(), licence: v.string() })),
  files: v.optional(v.array(v.object({ sizeBytes: v.number() })), []),
  expiresAt: v.nullish(v.string(), null),
})

export type FamilyMember = {
  readonly version: string
  readonly publishedAt: string
  readonly author: string
  readonly title: string
  readonly licence: string
  readonly sizeBytes: number
  readonly expiresAt: string | null
  /** The release that was stable when this one became it, or is it now. */
  readonly base: string | null
  /** Published for chosen devices only. */
  readonly held: boolean
  readonly retired: boolean
  readonly aliases: readonly string[]
  readonly tags: readonly string[]
  readonly approvals: number
}

type Row = Omit<FamilyMember, 'title' | 'licence' | 'sizeBytes' | 'expiresAt' | 'aliases' | 'tags'> & {
  readonly manifest: Json
  readonly aliases: Json
  readonly tags: Json
}

const Names = v.array(v.string())
/** Far more versions than one bundle ever had. */
const MAX_MEMBERS = 500

/** Newest version first. */
export async function familyOf(sql: Queryable, name: string): Promise<readonly FamilyMember[]> {
  const rows = await sql.query<Row>(
    `select b.version, b.published_at as "publishedAt", b.held, b.manifest,
       coalesce((select t.by from centre.release_transition t where t.name = b.name and t.version = b.version
         and t.kind = 'registered' order by t.id limit 1), 'control-plane') as author,
       exists (select 1 from centre.release_transition t where t.name = b.name and t.version = b.version
         and t.kind = 'retired') as retired,
       case when m.id is not null then m.from_version else s.version end as base,
       coalesce((select jsonb_agg(a.alias order by a.alias) from centre.alias a where a.name = b.name
         and a.version = b.version), '[]') as aliases,
       coalesce((select jsonb_agg(g.tag order by g.tag) from centre.release_tag g where g.name = b.name
         and g.version = b.version), '[]') as tags,
       (select count(*) from centre.release_approval p where p.name = b.name and p.version = b.version) as approvals
     from centre.bundle b
     left join lateral (select id, from_version from centre.alias_move where name = b.name and alias = 'stable'
       and to_version = b.version order by id limit 1) m on true
     left join centre.alias s on s.name = b.name and s.alias = 'stable' and s.version <> b.version
     where b.name = $1 order by string_to_array(b.version, '.')::int[] desc limit ${MAX_MEMBERS}`,
    [name],
  )
  return rows.map(({ manifest, aliases, tags, ...row }) => {
    const parsed = v.safeParse(ManifestView, manifest)
    const { card, files = [], expiresAt = null } = parsed.success ? parsed.output : {}
    return {
      ...row,
      title: card?.title ?? '',
      licence: card?.licence ?? '',
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      expiresAt,
      aliases: v.parse(Names, aliases),
      tags: v.parse(Names, tags),
    }
  })
}
