/** `starling bundle inspect`: what a bundle holds and where it comes from, out of its folder or out of a centre's records. */
import type { Json, JsonObject } from '../../../shared/json.ts'
import { EVALUATION_FILE, PROVENANCE_FILE } from '../../../shared/wire/bundle.ts'
import { evaluationOf, provenanceOf } from '../../../rollout/bundle/examine.ts'
import { lineageOf, type Lineage } from '../../../rollout/bundle/lineage.ts'
import { BundleUnfit } from '../../../rollout/bundle/unfit.ts'
import type { Call } from '../call.ts'
import { atCentre } from '../operator.ts'
import { EXIT, type ExitCode } from '../output.ts'
import { hubOf } from './bundle.ts'
import { openBuilt } from './bundle-folder.ts'

export interface InspectOptions {
  /** A folder; with a version, a name. */
  readonly of: string | undefined
  readonly version: string | undefined
  readonly digest: string | undefined
}

export async function bundleInspect(call: Call, options: InspectOptions): Promise<ExitCode> {
  const { of, version, digest } = options
  if (digest !== undefined) {
    const { found } = (await atCentre(hubOf(call), `/api/lineage/${encodeURIComponent(digest)}`)) as {
      found: readonly PublishedLineage[]
    }
    call.output.answer({ found }, found.flatMap(publishedLines))
    return EXIT.ok
  }
  if (of === undefined)
    throw new BundleUnfit('bundle_refused', 'nothing is named: a folder, a name with a version, or --digest')
  if (version !== undefined) {
    const path = `/api/releases/${encodeURIComponent(of)}/${encodeURIComponent(version)}`
    const published = (await atCentre(hubOf(call), path)) as PublishedLineage
    call.output.answer(published, publishedLines(published))
    return EXIT.ok
  }
  const { manifest, files } = openBuilt(of)
  const provenance = provenanceOf(files.get(PROVENANCE_FILE) ?? new Uint8Array())
  const evaluation = evaluationOf(files.get(EVALUATION_FILE) ?? new Uint8Array())
  const lineage = lineageOf(manifest, { provenance, evaluation })
  const { card, metrics, files: listed } = manifest
  call.output.answer(
    { ...lineage, card: card as unknown as JsonObject, metrics: metrics as unknown as Json },
    [
      ...lines(lineage),
      `  use       ${card.intendedUse}`,
      `  limits    ${card.limits}`,
      ...metrics.map(
        ({ name, unit, direction, source, threshold }) =>
          `  metric    ${name.padEnd(22)} ${unit}, ${direction} is better, by ${source}${threshold === null ? '' : `, fault beyond ${threshold}`}`,
      ),
      ...listed.map(
        ({ path, role, sizeBytes, sha256 }) => `  ${role.padEnd(11)}${path}  ${sizeBytes}  ${sha256}`,
      ),
    ],
  )
  return EXIT.ok
}

/** What the centre adds: who published it under which policy, and where its signed statements are. */
interface PublishedLineage extends Lineage {
  readonly envelopeSha256: string
  readonly attestations: Readonly<Record<string, string>>
  readonly publishedAt: string
  readonly held: boolean
  readonly approvals: readonly {
    readonly action: string
    readonly by: string
    readonly at: string
    readonly recordId: string
    readonly policy: { readonly version: number; readonly digest: string; readonly rule: string }
  }[]
}

function publishedLines(published: PublishedLineage): readonly string[] {
  return [
    ...lines(published),
    `  manifest  ${published.envelopeSha256}${published.held ? '  held: only for chosen devices' : ''}`,
    ...Object.entries(published.attestations).map(([file, sha256]) => `  signed    ${file}  ${sha256}`),
    ...published.approvals.map(
      ({ action, by, at, policy, recordId }) =>
        `  approved  ${action} by ${by} at ${at}, policy ${policy.version} (${policy.rule}), record ${recordId}`,
    ),
  ]
}

function lines({
  name,
  version,
  environment,
  licence,
  models,
  datasets,
  recipe,
  evaluation,
}: Lineage): readonly string[] {
  return [
    `${name} ${version} for ${environment}, ${licence}`,
    ...models.map(({ path, sha256 }) => `  model     ${path}  ${sha256}`),
    `  made by   ${recipe ?? 'unknown'}`,
    ...datasets.map(
      (data) =>
        `  data      ${data.name} (${data.use}, ${data.licence}, consent ${data.consent})  ${data.sha256 ?? 'no digest'}`,
    ),
    ...(evaluation === null
      ? ['  evaluated nowhere']
      : [
          `  evaluated on ${evaluation.heldBack} (${evaluation.sha256})`,
          ...evaluation.figures.map(
            ({ name: figure, value, low, high, of }) =>
              `  figure    ${figure} ${value} (${low} to ${high}, of ${of})`,
          ),
          ...(evaluation.incumbent === null ? [] : [`  against   ${evaluation.incumbent}`]),
        ]),
  ]
}
