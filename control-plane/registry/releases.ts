/** What operators do with a release beside moving its names: tag it, retire it. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import { centrePerformer } from '../performer.ts'
import { ReleaseInUse } from './errors.ts'
import { releaseInUse } from './find-release.ts'
import { noteTransition } from './transitions.ts'
import { holdBundle, requireUnused } from './under-way.ts'

const Tag = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'a tag is like a name'))
const TagSchema = v.strictObject({ name: BundleNameSchema, version: VersionSchema, tag: Tag })
const RetireSchema = v.strictObject({
  name: BundleNameSchema,
  version: VersionSchema,
  reason: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
})

/** Performs `release.tag`. Tags are only added: one that asks for more approvals must not be taken off to need fewer. */
export function tagPerformer(clock: Clock): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('release.tag', TagSchema, async (work, { name, version, tag }) => {
    await releaseInUse(work.tx, { name, version })
    const rows = await work.tx.query(
      `insert into centre.release_tag (name, version, tag, by, record_id, at)
       values ($1, $2, $3, $4, $5, $6::text::timestamptz) on conflict do nothing returning tag`,
      [name, version, tag, work.principal.id, work.recordId, new Date(clock.nowMs()).toISOString()],
    )
    if (rows.length > 0) await noteTransition(work, clock, { name, version, kind: 'tagged', detail: { tag } })
    return { name, version, tag }
  })
}

/** Performs `release.retire`: it can be chosen, aliased and rolled out no more. Throws {@link ReleaseInUse}. */
export function retirePerformer(clock: Clock): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer('release.retire', RetireSchema, async (work, { name, version, reason }) => {
    const release = { name, version }
    await holdBundle(work.tx, name)
    await releaseInUse(work.tx, release)
    const aliases = await work.tx.query<{ alias: string }>(
      'select alias from centre.alias where name = $1 and version = $2 order by alias',
      [name, version],
    )
    const [first] = aliases
    if (first !== undefined)
      throw new ReleaseInUse(`${name} ${version} is "${first.alias}" now`, {
        remedy: 'Move the alias to another release first.',
      })
    await requireUnused(work.tx, release)
    await noteTransition(work, clock, { ...release, kind: 'retired', detail: { reason } })
    return { name, version, reason }
  })
}
