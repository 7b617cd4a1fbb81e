/** The served files of both repositories in the centre's database: the image repository's are everybody's, a director's one device's. */
import { metadataName } from '../../../rollout/tuf/file-names.ts'
import type { NewFile, RepositoryFiles } from '../../../rollout/tuf/publication.ts'
import { invariant } from '../../../shared/errors.ts'
import type { Queryable } from '../../../shared/sql/port.ts'
import type { RepositoryName } from '../../../shared/wire/repository.ts'

/** `owner` is a device of the director, '' of the image repository. A timestamp has no version in its name: it is number 0. */
export const REPOSITORY_SCHEMA = `
create table if not exists centre.metadata (
  repository text not null, owner text not null, role text not null, version bigint not null, bytes bytea not null,
  primary key (repository, owner, role, version)
);
`

/** Whose files. */
export interface Place {
  readonly repository: RepositoryName
  readonly owner: string
}

/** A device that reads while a newer version is signed finds the one that its timestamp named. */
const KEPT_VERSIONS = 8

/** Everything that is served at a place now: the newest file of each role. */
export async function servedFiles(
  sql: Queryable,
  { repository, owner }: Place,
): Promise<Omit<RepositoryFiles, 'root'>> {
  const rows = await sql.query<{ role: string; bytes: Uint8Array }>(
    `select distinct on (role) role, bytes from centre.metadata where repository = $1 and owner = $2
     order by role, version desc`,
    [repository, owner],
  )
  const roles = new Map(rows.map(({ role, bytes }) => [role, bytes]))
  const [snapshot, timestamp] = [roles.get('snapshot'), roles.get('timestamp')]
  for (const other of ['root', 'snapshot', 'timestamp']) roles.delete(other)
  return { roles, snapshot, timestamp }
}

/** Every root that was handed in, in the order of their versions. */
export async function storedRoots(
  sql: Queryable,
  repository: RepositoryName,
): Promise<readonly Uint8Array[]> {
  const rows = await sql.query<{ bytes: Uint8Array }>(
    `select bytes from centre.metadata where repository = $1 and owner = '' and role = 'root' order by version`,
    [repository],
  )
  return rows.map(({ bytes }) => bytes)
}

/** One file by the name under which it is served; null where there is none. */
export async function servedFile(sql: Queryable, place: Place, name: string): Promise<Uint8Array | null> {
  const { role, version } = parsed(name)
  const [row] = await sql.query<{ bytes: Uint8Array }>(
    'select bytes from centre.metadata where repository = $1 and owner = $2 and role = $3 and version = $4',
    [place.repository, place.owner, role, version],
  )
  return row?.bytes ?? null
}

/** Stores what was signed, and forgets versions that no reader can still be at. */
export async function storeFiles(
  sql: Queryable,
  { repository, owner }: Place,
  files: readonly NewFile[],
): Promise<void> {
  for (const { name, bytes } of files) {
    const { role, version } = parsed(name)
    await sql.query(
      `insert into centre.metadata (repository, owner, role, version, bytes) values ($1, $2, $3, $4, $5)
       on conflict (repository, owner, role, version) do update set bytes = excluded.bytes`,
      [repository, owner, role, version, bytes],
    )
    // A device that was away for long takes every root, one by one.
    if (role === 'root') continue
    await sql.query(
      'delete from centre.metadata where repository = $1 and owner = $2 and role = $3 and version <= $4',
      [repository, owner, role, version - KEPT_VERSIONS],
    )
  }
}

function parsed(name: string): { readonly role: string; readonly version: number } {
  const [, version = '0', role] = /^(?:(\d+)\.)?([a-z0-9-]+)\.json$/.exec(name) ?? []
  invariant(role !== undefined, `${name} is the name of a metadata file`)
  invariant(metadataName(role, version === '0' ? undefined : Number(version)) === name, 'a name has one form')
  return { role, version: Number(version) }
}
