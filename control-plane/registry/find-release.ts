/** Releases as the registry knows them, found by name and version. */
import type { Queryable } from '../../shared/sql/port.ts'
import type { DesiredBundle } from '../../shared/wire/state.ts'
import { NoSuchRelease, ReleaseRetired } from './errors.ts'
import { isRetired, type ReleaseRef } from './transitions.ts'

/** As a device asks for it. Throws {@link NoSuchRelease}. */
export async function findRelease(sql: Queryable, of: ReleaseRef): Promise<DesiredBundle> {
  const [row] = await sql.query<DesiredBundle>(
    `select name, version, envelope_sha256 as "envelopeSha256", octet_length(envelope) as "envelopeSizeBytes"
     from centre.bundle where name = $1 and version = $2`,
    [of.name, of.version],
  )
  if (row === undefined)
    throw new NoSuchRelease(`there is no release ${of.name} ${of.version}`, {
      remedy: 'See the list of releases: starling registry list.',
    })
  return row
}

/** As {@link findRelease}, and throws {@link ReleaseRetired}. */
export async function releaseInUse(sql: Queryable, of: ReleaseRef): Promise<DesiredBundle> {
  const release = await findRelease(sql, of)
  if (await isRetired(sql, of))
    throw new ReleaseRetired(`${of.name} ${of.version} was retired`, {
      remedy: 'Publish its content again under a newer version.',
    })
  return release
}

export async function tagsOf(sql: Queryable, of: ReleaseRef): Promise<readonly string[]> {
  const rows = await sql.query<{ tag: string }>(
    'select tag from centre.release_tag where name = $1 and version = $2 order by tag',
    [of.name, of.version],
  )
  return rows.map(({ tag }) => tag)
}
