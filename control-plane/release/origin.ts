/** From a digest in anybody's record to the bundle, its data, its evaluation, and who let it out under which policy. */
import * as v from 'valibot'
import { evaluationOf, provenanceOf } from '../../rollout/bundle/examine.ts'
import { lineageOf, modelDigests, type Lineage } from '../../rollout/bundle/lineage.ts'
import { parseRecord } from '../../shared/journal/stored-record.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import {
  BundleManifestSchema,
  EVALUATION_FILE,
  PROVENANCE_FILE,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import type { CentreContent } from './content.ts'
import { NoSuchRelease } from '../registry/errors.ts'

interface Ground {
  readonly sql: Queryable
  readonly content: CentreContent
}

/** One effect that let a version out: its publication, an approval, a move of an alias, that an operator chose it for a device. */
interface Approval {
  readonly action: string
  readonly by: string
  readonly at: string
  readonly recordId: string
  readonly policy: { readonly version: number; readonly digest: string; readonly rule: string }
}

export interface Origin extends Lineage {
  readonly envelopeSha256: string
  readonly held: boolean
  readonly publishedAt: string
  /** Signed statements by file: content, to be fetched by digest. */
  readonly attestations: Readonly<Record<string, string>>
  readonly approvals: readonly Approval[]
}

type Row = {
  readonly name: string
  readonly version: string
  readonly envelope_sha256: string
  readonly manifest: never
  readonly held: boolean
  readonly published_at: string
  readonly attestations: never
}
const LEAST_DIGITS = 12
const COLUMNS = 'name, version, envelope_sha256, manifest, held, published_at, attestations'

/** Throws {@link NoSuchRelease}. */
export async function originAt(
  ground: Ground,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<Origin> {
  const [row] = await ground.sql.query<Row>(
    `select ${COLUMNS} from centre.bundle where name = $1 and version = $2`,
    [name, version],
  )
  const manifest = row === undefined ? null : manifestOf(row)
  if (row === undefined || manifest === null) throw noRelease(`${name} ${version}`)
  return await published(ground, row, manifest)
}

/**
 * Every published version that `digest` is of: a manifest's envelope, a model as a device's records name it, or a file of it. Throws
 * {@link NoSuchRelease} where it is of none.
 */
export async function originsByDigest(ground: Ground, digest: string): Promise<readonly Origin[]> {
  const rows = await ground.sql.query<Row>(`select ${COLUMNS} from centre.bundle order by name, version`)
  const found: Origin[] = []
  for (const row of rows) {
    const manifest = manifestOf(row)
    if (manifest !== null && isOf(digest, row, manifest)) found.push(await published(ground, row, manifest))
  }
  if (found.length === 0) throw noRelease(`with the digest ${digest}`)
  return found
}

/** People are shown the first dozen digits of a digest: as many are enough here. */
function isOf(digest: string, row: Row, { files }: BundleManifest): boolean {
  const known = [row.envelope_sha256, ...modelDigests(files), ...files.map(({ sha256 }) => sha256)]
  return digest.length >= LEAST_DIGITS && known.some((one) => one.startsWith(digest))
}

async function published(ground: Ground, row: Row, manifest: BundleManifest): Promise<Origin> {
  const document = async (path: string): Promise<Uint8Array> => {
    const file = manifest.files.find((one) => one.path === path)
    return file === undefined ? new Uint8Array() : await ground.content.get(file.sha256)
  }
  const provenance = provenanceOf(await document(PROVENANCE_FILE))
  const evaluation = evaluationOf(await document(EVALUATION_FILE))
  return {
    ...lineageOf(manifest, { provenance, evaluation }),
    envelopeSha256: row.envelope_sha256,
    held: row.held,
    publishedAt: row.published_at,
    attestations: row.attestations,
    approvals: await approvalsOf(ground.sql, row),
  }
}

/** By the journal's own records: what they say of policy and person is chained and sealed. */
async function approvalsOf(sql: Queryable, row: Row): Promise<readonly Approval[]> {
  const records = await sql.query<{ text: string }>(
    `select text from journal.record where id in (
       select record_id from centre.release_transition where name = $1 and version = $2
       union select record_id from centre.release_approval where name = $1 and version = $2
       union select record_id from centre.alias_move where name = $1 and to_version = $2
       union select record_id from centre.desired where name = $1 and version = $2) order by seq`,
    [row.name, row.version],
  )
  return records.flatMap(({ text }) => {
    const { id, at, body } = parseRecord(text)
    if (body.kind !== 'intent') return []
    const { action, principal, policy } = body
    return [{ action, by: principal.id, at, recordId: id, policy }]
  })
}

/** Null for one that was published in a form of before. */
function manifestOf({ manifest }: Row): BundleManifest | null {
  const parsed = v.safeParse(BundleManifestSchema, manifest)
  return parsed.success ? parsed.output : null
}

function noRelease(what: string): NoSuchRelease {
  return new NoSuchRelease(`there is no release ${what}`, { remedy: 'See the list of releases.' })
}
