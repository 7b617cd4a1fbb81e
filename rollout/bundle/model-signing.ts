/**
 * OpenSSF Model Signing v1.0: an in-toto statement that lists every file of a model with its digest, whose subject is the SHA-256
 * over those digests in order, signed by ECDSA P-256 over DSSE's encoding, in a Sigstore bundle v0.3 that names the key by the
 * SHA-256 of its PEM. Public tools that nobody here wrote verify it.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import { sha256Hex } from '../../shared/digest.ts'
import type { JsonObject } from '../../shared/json.ts'
import { preAuthEncoding } from '../../shared/signing/envelope.ts'
import { loadEcdsaP256 } from '../../shared/signing/verification-key.ts'
import type { BundleFile } from '../../shared/wire/bundle.ts'
import { STATEMENT_PAYLOAD_TYPE, STATEMENT_TYPE, statementSchema } from './statement.ts'
import { isCanonicalBase64 } from './base64.ts'
import { UNSIGNED_FILES } from './unsigned-files.ts'

const SIGNATURE_TYPE = 'https://model_signing/signature/v1.0'
const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

export function modelSigningStatement(name: string, files: readonly BundleFile[]): JsonObject {
  const resources = files
    .map(({ path, sha256 }) => ({ algorithm: 'sha256', digest: sha256, name: path }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { sha256: rootDigest(resources) } }],
    predicateType: SIGNATURE_TYPE,
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: [...UNSIGNED_FILES],
      },
      resources,
    },
  }
}

function rootDigest(resources: readonly { readonly digest: string }[]): string {
  return sha256Hex(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex'))))
}

/** What the P-256 key signs. */
export function modelSigningPayload(name: string, files: readonly BundleFile[]): Uint8Array {
  return canonicalBytes(modelSigningStatement(name, files))
}

/** The signature as a Sigstore bundle. `publicPem` is the key's SubjectPublicKeyInfo as PEM, as Node and OpenSSL write it. */
export function sigstoreBundle(
  payload: Uint8Array,
  { signature, publicPem }: { readonly signature: Uint8Array; readonly publicPem: string },
): JsonObject {
  return {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: sha256Hex(publicPem) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: STATEMENT_PAYLOAD_TYPE,
      signatures: [{ sig: Buffer.from(signature).toString('base64'), keyid: '' }],
    },
  }
}

/** One way of writing one thing: base64 leaves bits over at its end, and what is not looked at could be changed unseen. */
const Base64 = v.pipe(
  v.string(),
  v.maxLength(8_000_000),
  v.check(isCanonicalBase64, 'base64 as RFC 4648 writes it'),
)
const SigstoreSchema = v.strictObject({
  mediaType: v.literal(BUNDLE_TYPE),
  verificationMaterial: v.strictObject({
    publicKey: v.strictObject({ hint: v.string() }),
    tlogEntries: v.exactOptional(v.pipe(v.array(v.unknown()), v.length(0))),
  }),
  dsseEnvelope: v.strictObject({
    payload: Base64,
    payloadType: v.literal(STATEMENT_PAYLOAD_TYPE),
    signatures: v.pipe(
      v.array(v.strictObject({ sig: Base64, keyid: v.exactOptional(v.literal('')) })),
      v.length(1),
    ),
  }),
})
const ModelStatementSchema = statementSchema(
  SIGNATURE_TYPE,
  v.object({
    serialization: v.object({ method: v.literal('files'), hash_type: v.literal('sha256') }),
    resources: v.array(v.object({ algorithm: v.literal('sha256'), digest: v.string(), name: v.string() })),
  }),
)

/** Why a model signature does not hold for these files under any of these P-256 keys (PEM), in words; null when it holds. */
export function modelSignatureFault(
  value: unknown,
  files: readonly BundleFile[],
  publicPems: readonly string[],
): string | null {
  const parsed = v.safeParse(SigstoreSchema, value)
  if (!parsed.success) return 'it is no Sigstore bundle v0.3 with a DSSE envelope and a key'
  const { dsseEnvelope, verificationMaterial } = parsed.output
  const pem = publicPems.find((text) => sha256Hex(text) === verificationMaterial.publicKey.hint)
  if (pem === undefined) return 'it names a key that is not trusted'
  const payload = Buffer.from(dsseEnvelope.payload, 'base64')
  const signature = Buffer.from(dsseEnvelope.signatures[0]?.sig ?? '', 'base64')
  if (!loadEcdsaP256(pem).verifies(preAuthEncoding(STATEMENT_PAYLOAD_TYPE, payload), signature))
    return 'the signature does not hold'
  const statement = v.safeParse(ModelStatementSchema, jsonOf(payload))
  if (!statement.success) return 'it signs no list of files'
  return resourceFault(statement.output, files)
}

function resourceFault(
  { subject, predicate }: v.InferOutput<typeof ModelStatementSchema>,
  files: readonly BundleFile[],
): string | null {
  const { resources } = predicate
  if (subject.length !== 1 || subject[0]?.digest.sha256 !== rootDigest(resources))
    return 'its root digest is not that of the files it lists'
  for (const { path, sha256 } of files) {
    const listed = resources.filter(({ name }) => name === path)
    if (listed.length !== 1 || listed[0]?.digest !== sha256) return `it does not sign the bytes of ${path}`
  }
  return resources.length === files.length ? null : 'it signs files that the bundle does not hold'
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // The schema refuses it.
  }
}
