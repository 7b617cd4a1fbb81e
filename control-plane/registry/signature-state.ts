/** Whether the signatures of a release hold, each verified now over the bytes that are kept: what is shown is never what was once written down. */
import * as v from 'valibot'
import { signatureChecks } from '../../rollout/bundle/signatures.ts'
import type { PublicKey } from '../../shared/signing/ed25519.ts'
import { EnvelopeSchema } from '../../shared/signing/envelope.ts'
import type { Json } from '../../shared/json.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { BundleManifestSchema, EVALUATION_FILE, PROVENANCE_FILE } from '../../shared/wire/bundle.ts'
import { decodeJson } from '../../shared/wire/answer.ts'
import type { CentreContent } from '../release/content.ts'
import type { ReleaseRef } from './transitions.ts'

export type SignatureState = {
  /** `manifest signature`, `provenance signature`, `evaluation signature`, `model signature`. */
  readonly what: string
  readonly holds: boolean
  /** What was looked at, or why it does not hold. */
  readonly detail: string
}

export interface SignatureGround {
  readonly sql: Queryable
  readonly content: CentreContent
  readonly releaseKey: PublicKey
  /** PEM, P-256. */
  readonly modelKey: string
}

/** Empty for a release in a form of before, of which nothing can be said. */
export async function signatureStates(
  { sql, content, releaseKey, modelKey }: SignatureGround,
  of: ReleaseRef,
): Promise<readonly SignatureState[]> {
  const [row] = await sql.query<{ manifest: Json; envelope: Uint8Array; attestations: Json }>(
    'select manifest, envelope, attestations from centre.bundle where name = $1 and version = $2',
    [of.name, of.version],
  )
  const manifest = v.safeParse(BundleManifestSchema, row?.manifest)
  const attestations = v.safeParse(v.record(v.string(), v.string()), row?.attestations)
  if (row === undefined || !manifest.success || !attestations.success) return []
  const held = async (sha256: string): Promise<Uint8Array> => await content.get(sha256)
  const signed = new Map<string, Uint8Array>()
  for (const [file, sha256] of Object.entries(attestations.output)) signed.set(file, await held(sha256))
  const files = new Map<string, Uint8Array>()
  for (const path of [PROVENANCE_FILE, EVALUATION_FILE]) {
    const file = manifest.output.files.find((one) => one.path === path)
    if (file !== undefined) files.set(path, await held(file.sha256))
  }
  if (files.size < 2) return []
  const { payload } = decodeJson(EnvelopeSchema, row.envelope)
  const bundle = {
    manifest: manifest.output,
    payload: Buffer.from(payload, 'base64'),
    files,
    // Content is kept and read by its digest: what the manifest says of it is what lies there.
    held: { measured: new Map(), documents: files },
  }
  const trust = { releaseKeys: [releaseKey], threshold: 1, modelKeys: [modelKey] }
  return signatureChecks(bundle, signed, trust)
    .filter(({ check }) => check.endsWith(' signature'))
    .map((one) => ({
      what: one.check,
      holds: one.fault === null,
      detail: one.fault?.detail ?? one.looked,
    }))
}
