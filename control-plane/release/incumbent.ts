/** Whether a bundle may take the place of what runs under its name: as good on what was held back, or the same as ran before. */
import * as v from 'valibot'
import { evaluationFault, type Evaluation, type Incumbent } from '../../rollout/bundle/evaluation.ts'
import { contentFiles, evaluationOf } from '../../rollout/bundle/examine.ts'
import type { FolderBundle } from '../../rollout/bundle/folder.ts'
import { kindContract } from '../../rollout/bundle/kind-contract.ts'
import { CARD_FILE } from '../../rollout/bundle/release-facts.ts'
import { BundleUnfit } from '../../rollout/bundle/unfit.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { STABLE } from '../registry/aliases.ts'
import { BundleManifestSchema, EVALUATION_FILE, type BundleManifest } from '../../shared/wire/bundle.ts'
import type { CentreContent } from './content.ts'

interface Ground {
  readonly sql: Queryable
  readonly content: CentreContent
}

/** Throws {@link BundleUnfit}: `evaluation_worse`, `evaluation_not_comparable` or `evaluation_failed`. */
export async function requireNoWorse(ground: Ground, bundle: FolderBundle): Promise<void> {
  const { manifest, files } = bundle
  const released = await releasedOf(ground.sql, manifest.name)
  const stable = await stableOf(ground.sql, manifest.name)
  const running = released.find(({ version }) => version === stable)
  const evaluation = evaluationOf(files.get(EVALUATION_FILE) ?? new Uint8Array())
  if (evaluation === null) throw new BundleUnfit('bundle_without_evaluation', 'its evaluation cannot be read')
  // What ran before was judged then; to go back to it is no step into the unknown.
  for (const before of released.filter((one) => sameContent(one, manifest)))
    if (saysTheSame(evaluation, (await incumbentOf(ground.content, before)).evaluation)) return
  const incumbent = running === undefined ? null : await incumbentOf(ground.content, running)
  const fault = evaluationFault(evaluation, manifest.metrics, incumbent)
  if (fault !== null) throw new BundleUnfit(fault.code, fault.detail)
}

/** The versions that everybody may run, whole ones only. */
async function releasedOf(sql: Queryable, name: string): Promise<readonly BundleManifest[]> {
  const rows = await sql.query<{ manifest: never }>(
    'select manifest from centre.bundle where name = $1 and not held',
    [name],
  )
  return rows.flatMap((row) => {
    const parsed = v.safeParse(BundleManifestSchema, row.manifest)
    return parsed.success ? [parsed.output] : []
  })
}

/** What devices run that nobody chose anything else for. */
async function stableOf(sql: Queryable, name: string): Promise<string | null> {
  const [row] = await sql.query<{ version: string }>(
    'select version from centre.alias where name = $1 and alias = $2',
    [name, STABLE],
  )
  return row?.version ?? null
}

async function incumbentOf(content: CentreContent, manifest: BundleManifest): Promise<Incumbent> {
  const file = manifest.files.find(({ path }) => path === EVALUATION_FILE)
  const evaluation = file === undefined ? null : evaluationOf(await content.get(file.sha256))
  if (evaluation === null)
    throw new BundleUnfit('evaluation_not_comparable', `the evaluation of ${manifest.version} cannot be read`)
  return { version: manifest.version, evaluation, heldBackSet: kindContract(manifest.kind).heldBackSet }
}

/** The same claims: the same content with better figures is a claim of its own. */
function saysTheSame(a: Evaluation, b: Evaluation): boolean {
  return JSON.stringify(a.predicate) === JSON.stringify(b.predicate)
}

/** The same files but for the card, which says the version. */
function sameContent(a: BundleManifest, b: BundleManifest): boolean {
  const digests = (manifest: BundleManifest): string =>
    contentFiles(manifest)
      .filter(({ path }) => path !== CARD_FILE)
      .map(({ path, sha256 }) => `${path} ${sha256}`)
      .join('\n')
  return digests(a) === digests(b)
}
