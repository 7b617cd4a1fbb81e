/**
 * Whether a bundle may take the place of what runs under its name: as good on what was held back, or the same as ran before. Asked
 * when it is published, and again of its stored, signed statement when an alias moves to it: by then something else may run. What
 * was measured stays measured, so nothing is measured again; the statement is held against the bytes that the manifest names.
 */
import type { FolderBundle } from '../../rollout/bundle/folder.ts'
import { openManifest } from '../../rollout/manifest.ts'
import {
  evaluated,
  isSameAgain,
  requireNoWorseThan,
  type Evaluated,
} from '../../rollout/promotion/no-worse.ts'
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import type { EvaluationGround } from '../../shared/wire/approval.ts'
import { EVALUATION_FILE, type BundleManifest } from '../../shared/wire/bundle.ts'
import { findRelease } from '../registry/find-release.ts'
import { STABLE } from '../registry/stable.ts'
import type { CentreContent } from './content.ts'

export interface EvaluationParts {
  readonly content: CentreContent
  readonly releaseKey: PublicKey
}

type Ground = EvaluationParts & { readonly sql: Queryable }

/** Throws {@link BundleUnfit}: `evaluation_worse`, `evaluation_not_comparable` or `evaluation_failed`. */
export async function requireNoWorse(ground: Ground, { manifest, files }: FolderBundle): Promise<void> {
  const candidate = evaluated(manifest, files.get(EVALUATION_FILE) ?? new Uint8Array())
  const released = await versionsOf(
    ground.sql,
    'select version from centre.bundle where name = $1 and not held and version <> $2',
    manifest,
  )
  // What ran before was judged then; to go back to it is no step into the unknown.
  for (const version of released)
    if (isSameAgain(candidate, await heldEvaluation(ground, { name: manifest.name, version }))) return
  const stable = await stableOf(ground.sql, manifest.name)
  const { name } = manifest
  requireNoWorseThan(
    candidate,
    stable === null ? null : await heldEvaluation(ground, { name, version: stable }),
  )
}

/**
 * What an alias that moves to `version` from `from` stands on. Throws {@link BundleUnfit} as {@link requireNoWorse}, and
 * `bundle_unsound` where manifest or statement are not what was signed.
 */
export async function evaluationGround(
  ground: Ground,
  move: {
    readonly name: string
    readonly version: string
    readonly alias: string
    readonly from: string | null
  },
): Promise<EvaluationGround> {
  const { name, version, from } = move
  const candidate = await heldEvaluation(ground, { name, version })
  const sha256 = candidate.evaluationSha256
  if (from === null || (await wasNamedBefore(ground, move, candidate))) {
    requireNoWorseThan(candidate, null)
    return { sha256, against: null, returns: from !== null }
  }
  const incumbent = await heldEvaluation(ground, { name, version: from })
  requireNoWorseThan(candidate, incumbent)
  const { envelopeSha256 } = await findRelease(ground.sql, { name, version: from })
  const against = { version: from, envelopeSha256, evaluationSha256: incumbent.evaluationSha256 }
  return { sha256, against, returns: false }
}

/** The alias named this very content before. */
async function wasNamedBefore(
  ground: Ground,
  { name, alias, version }: { readonly name: string; readonly alias: string; readonly version: string },
  candidate: Evaluated,
): Promise<boolean> {
  const rows = await ground.sql.query<{ version: string }>(
    `select distinct to_version as version from centre.alias_move
     where name = $1 and alias = $2 and to_version is not null`,
    [name, alias],
  )
  for (const row of rows) {
    if (row.version === version) return true
    if (isSameAgain(candidate, await heldEvaluation(ground, { name, version: row.version }))) return true
  }
  return false
}

/** A published release by its signed bytes: nothing is read of the tables that its signature does not cover. */
export async function heldEvaluation(
  { sql, content, releaseKey }: Ground,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<Evaluated> {
  const manifest = await signedManifest({ sql, releaseKey }, { name, version })
  const file = manifest.files.find(({ path }) => path === EVALUATION_FILE)
  const bytes = file === undefined ? new Uint8Array() : await content.get(file.sha256)
  return evaluated(manifest, bytes)
}

async function signedManifest(
  { sql, releaseKey }: Pick<Ground, 'sql' | 'releaseKey'>,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<BundleManifest> {
  const { envelopeSha256 } = await findRelease(sql, { name, version })
  const [row] = await sql.query<{ envelope: Uint8Array }>(
    'select envelope from centre.bundle where name = $1 and version = $2',
    [name, version],
  )
  const envelope = row?.envelope ?? new Uint8Array()
  const of = `${name} ${version}`
  if (sha256Hex(envelope) !== envelopeSha256)
    throw new BundleUnfit('bundle_unsound', `the manifest of ${of} is not the one that was published`)
  const opened = openManifest(envelope, { releaseKeys: [releaseKey], threshold: 1 })
  if (opened.kind === 'refused')
    throw new BundleUnfit('bundle_unsound', `the manifest of ${of}: ${opened.detail}`)
  const { manifest } = opened
  if (manifest.name === name && manifest.version === version) return manifest
  throw new BundleUnfit(
    'bundle_unsound',
    `the manifest of ${of} calls it ${manifest.name} ${manifest.version}`,
  )
}

async function versionsOf(
  sql: Queryable,
  query: string,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<readonly string[]> {
  return (await sql.query<{ version: string }>(query, [name, version])).map((row) => row.version)
}

/** What devices run that nobody chose anything else for. */
async function stableOf(sql: Queryable, name: string): Promise<string | null> {
  const [row] = await sql.query<{ version: string }>(
    'select version from centre.alias where name = $1 and alias = $2',
    [name, STABLE],
  )
  return row?.version ?? null
}
