/**
 * Who vouches for a bundle: its manifest and both statements in DSSE under Ed25519 release keys, and its files under a P-256 key as
 * OpenSSF Model Signing has it. What is signed are four small documents: no signer needs the model.
 */
import * as v from 'valibot'
import { canonicalBytes } from '../../shared/canonical.ts'
import { digestOf, sha256Hex } from '../../shared/digest.ts'
import type { KeyPair, PublicKey } from '../../shared/signing/ed25519.ts'
import {
  BadEnvelope,
  EnvelopeSchema,
  openEnvelope,
  preAuthEncoding,
  type Envelope,
} from '../../shared/signing/envelope.ts'
import type { SigningKey } from '../../shared/signing/signing-key.ts'
import {
  BUNDLE_PAYLOAD_TYPE,
  BundleNameSchema,
  EVALUATION_FILE,
  PROVENANCE_FILE,
  VersionSchema,
  type BundleFile,
  type BundleManifest,
} from '../../shared/wire/bundle.ts'
import { isCanonicalBase64 } from './base64.ts'
import { fails, holds, type Check, type HeldFiles } from './examine.ts'
import { modelSignatureFault, modelSigningPayload, sigstoreBundle } from './model-signing.ts'
import { STATEMENT_PAYLOAD_TYPE } from './statement.ts'
import { BundleUnfit } from './unfit.ts'
import {
  EVALUATION_ENVELOPE_FILE,
  MANIFEST_ENVELOPE_FILE,
  MODEL_SIGNATURE_FILE,
  PROVENANCE_ENVELOPE_FILE,
  TO_SIGN_FILE,
} from './unsigned-files.ts'

/** Which document a signature is over, and the file that it goes into. */
const ENVELOPES = {
  manifest: MANIFEST_ENVELOPE_FILE,
  provenance: PROVENANCE_ENVELOPE_FILE,
  evaluation: EVALUATION_ENVELOPE_FILE,
} as const
export type EnvelopeName = keyof typeof ENVELOPES
export const ENVELOPE_FILES: readonly (readonly [EnvelopeName, string])[] = [
  ['manifest', ENVELOPES.manifest],
  ['provenance', ENVELOPES.provenance],
  ['evaluation', ENVELOPES.evaluation],
]
const NAMES = ['manifest', 'provenance', 'evaluation', 'model'] as const

const DocumentSchema = v.strictObject({
  name: v.picklist(NAMES),
  payloadType: v.picklist([BUNDLE_PAYLOAD_TYPE, STATEMENT_PAYLOAD_TYPE]),
  /** base64 */
  payload: v.pipe(v.string(), v.maxLength(8_000_000), v.base64()),
})
/** Everything that is signed of a bundle, to be carried to a signer who never sees the bundle. */
export const ToSignSchema = v.strictObject({
  v: v.literal(1),
  bundle: BundleNameSchema,
  version: VersionSchema,
  documents: v.pipe(v.array(DocumentSchema), v.length(NAMES.length)),
})
export type ToSign = v.InferOutput<typeof ToSignSchema>

/** A signature on its way from the machine of its key; `over` says of which {@link ToSign}, SHA-256 of its canonical bytes. */
export const BundleSignatureSchema = v.strictObject({
  v: v.literal(1),
  over: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  scheme: v.picklist(['ed25519', 'ecdsa-sha2-nistp256']),
  /** Of Ed25519 64 hex digits; of P-256 PEM. */
  publicKey: v.pipe(v.string(), v.maxLength(1_000)),
  signatures: v.array(
    v.strictObject({ name: v.picklist(NAMES), sig: v.pipe(v.string(), v.maxLength(200), v.base64()) }),
  ),
})
export type BundleSignature = v.InferOutput<typeof BundleSignatureSchema>

interface Signable {
  readonly manifest: BundleManifest
  readonly payload: Uint8Array
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** Throws {@link BundleUnfit} for a bundle without its statements. */
export function toSign({ manifest, payload, files }: Signable): ToSign {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  const statement = (path: string): string => {
    const bytes = files.get(path)
    if (bytes === undefined) throw new BundleUnfit('bundle_unsound', `${path} is not there`)
    return base64(bytes)
  }
  const type = STATEMENT_PAYLOAD_TYPE
  return {
    v: 1,
    bundle: manifest.name,
    version: manifest.version,
    documents: [
      { name: 'manifest', payloadType: BUNDLE_PAYLOAD_TYPE, payload: base64(payload) },
      { name: 'provenance', payloadType: type, payload: statement(PROVENANCE_FILE) },
      { name: 'evaluation', payloadType: type, payload: statement(EVALUATION_FILE) },
      {
        name: 'model',
        payloadType: type,
        payload: base64(modelSigningPayload(manifest.name, manifest.files)),
      },
    ],
  }
}

/** As it is carried: canonical, so that no byte of it says nothing. */
export function toSignBytes(document: ToSign): Uint8Array {
  return canonicalBytes(document)
}

/** What every signer compares before signing. */
export function digestToSign(document: ToSign): string {
  return digestOf(document)
}

export type BundleSigner = Pick<SigningKey, 'scheme' | 'publicText' | 'sign'>

/** A key pair of the centre's own as a signer. */
export function releaseSigner(key: KeyPair): BundleSigner {
  const publicText = Buffer.from(key.publicKey.text, 'base64url').toString('hex')
  return { scheme: 'ed25519', publicText, sign: (message) => key.sign(message) }
}

/** What the machine of one key makes of the document: an Ed25519 key signs manifest and statements, a P-256 key the model. */
export function signBundle(document: ToSign, key: BundleSigner): BundleSignature {
  if (key.scheme === 'rsassa-pss-sha256')
    throw new BundleUnfit('bundle_refused', 'a bundle is signed by Ed25519 and P-256 keys, not by RSA')
  const isModelKey = key.scheme === 'ecdsa-sha2-nistp256'
  return {
    v: 1,
    over: digestToSign(document),
    scheme: key.scheme,
    publicKey: key.publicText,
    signatures: document.documents
      .filter(({ name }) => (name === 'model') === isModelKey)
      .map(({ name, payloadType, payload }) => ({
        name,
        sig: Buffer.from(key.sign(preAuthEncoding(payloadType, Buffer.from(payload, 'base64')))).toString(
          'base64',
        ),
      })),
  }
}

/** The signed files of a bundle, by name: an envelope a document with every signature, and the model's own. */
export type SignedFiles = ReadonlyMap<string, Uint8Array>

/**
 * Puts signatures together with those that are there. Throws {@link BundleUnfit} for one over another document. That they hold is
 * checked where they are used: here nobody is trusted yet.
 */
export function withSignatures(
  document: ToSign,
  added: readonly BundleSignature[],
  before: SignedFiles = new Map(),
): SignedFiles {
  const over = digestToSign(document)
  const foreign = added.find((signature) => signature.over !== over)
  if (foreign !== undefined)
    throw new BundleUnfit('bundle_unsound', `a signature is over ${foreign.over}, this bundle is ${over}`)
  const files = new Map(before)
  for (const [name, file] of ENVELOPE_FILES) {
    const signatures = added.flatMap((signature) => envelopeSignatures(signature, name))
    const payload = document.documents.find((one) => one.name === name)
    if (payload === undefined || signatures.length === 0) continue
    files.set(file, merged(payload, signatures, before.get(file)))
  }
  const model = added.find(({ scheme }) => scheme === 'ecdsa-sha2-nistp256')
  const payload = document.documents.find(({ name }) => name === 'model')?.payload
  const sig = model?.signatures.find(({ name }) => name === 'model')?.sig
  if (model !== undefined && payload !== undefined && sig !== undefined) {
    const signature = Buffer.from(sig, 'base64')
    const bundle = sigstoreBundle(Buffer.from(payload, 'base64'), { signature, publicPem: model.publicKey })
    files.set(MODEL_SIGNATURE_FILE, canonicalBytes(bundle))
  }
  return files
}

function envelopeSignatures(signature: BundleSignature, name: EnvelopeName): Envelope['signatures'] {
  if (signature.scheme !== 'ed25519') return []
  const keyid = sha256Hex(Buffer.from(signature.publicKey, 'hex'))
  return signature.signatures.filter((one) => one.name === name).map(({ sig }) => ({ keyid, sig }))
}

function merged(
  { payloadType, payload }: ToSign['documents'][number],
  added: Envelope['signatures'],
  before: Uint8Array | undefined,
): Uint8Array {
  const kept = before === undefined ? null : readEnvelope(before)
  // Signatures over another payload are no signatures of this one.
  const earlier = kept?.payload === payload && kept.payloadType === payloadType ? kept.signatures : []
  const ids = new Set(added.map(({ keyid }) => keyid))
  const signatures = [...earlier.filter(({ keyid }) => !ids.has(keyid)), ...added]
  return new TextEncoder().encode(JSON.stringify({ payloadType, payload, signatures }))
}

function readEnvelope(bytes: Uint8Array): Envelope | null {
  const parsed = v.safeParse(EnvelopeSchema, jsonOf(bytes))
  return parsed.success ? parsed.output : null
}

export interface BundleTrust {
  readonly releaseKeys: readonly PublicKey[]
  readonly threshold: number
  /** PEM of P-256 keys. */
  readonly modelKeys: readonly string[]
}

/** Every signature against the bytes that lie there, each whatever the others say. */
export function signatureChecks(
  bundle: Signable & { readonly held: HeldFiles },
  signed: SignedFiles,
  { releaseKeys, threshold, modelKeys }: BundleTrust,
): readonly Check[] {
  const document = toSign(bundle)
  const checks = ENVELOPE_FILES.map(([name, file]) => {
    const looked = `${file}, ${threshold} of ${releaseKeys.length} trusted keys`
    const right = document.documents.find((one) => one.name === name)
    const bytes = signed.get(file)
    if (bytes === undefined)
      return fails(`${name} signature`, looked, 'signature_refused', `${file} is not there`)
    const fault = envelopeFault(bytes, right, { releaseKeys, threshold })
    return fault === null
      ? holds(`${name} signature`, looked)
      : fails(`${name} signature`, looked, 'signature_refused', fault)
  })
  const looked = `${MODEL_SIGNATURE_FILE}, OpenSSF Model Signing v1.0 under ${modelKeys.length} trusted keys`
  const bytes = signed.get(MODEL_SIGNATURE_FILE)
  const fault =
    bytes === undefined
      ? `${MODEL_SIGNATURE_FILE} is not there`
      : modelSignatureFault(jsonOf(bytes), lyingThere(bundle), modelKeys)
  const model =
    fault === null
      ? holds('model signature', looked)
      : fails('model signature', looked, 'signature_refused', fault)
  return [...checks, model, toSignCheck(document, signed.get(TO_SIGN_FILE))]
}

/** What is offered to the next signer, where it lies there: it must be this bundle. */
function toSignCheck(document: ToSign, bytes: Uint8Array | undefined): Check {
  const looked = bytes === undefined ? 'nothing is offered to be signed' : TO_SIGN_FILE
  return bytes === undefined || Buffer.from(bytes).equals(toSignBytes(document))
    ? holds('to be signed', looked)
    : fails('to be signed', looked, 'signature_refused', `${TO_SIGN_FILE} is of another bundle`)
}

/** Why an envelope is no signature over this document, in words; null when it is. */
function envelopeFault(
  bytes: Uint8Array,
  right: ToSign['documents'][number] | undefined,
  trust: Pick<BundleTrust, 'releaseKeys' | 'threshold'>,
): string | null {
  const envelope = readEnvelope(bytes)
  if (right === undefined || envelope === null) return 'it is no signed envelope'
  if (!envelope.signatures.every(({ sig }) => isCanonicalBase64(sig)))
    return 'a signature is not in base64 as RFC 4648 writes it'
  if (envelope.payload !== right.payload) return 'it signs other bytes'
  try {
    openEnvelope(envelope, {
      payloadType: right.payloadType,
      keys: trust.releaseKeys,
      threshold: trust.threshold,
    })
    return null
  } catch (thrown) {
    if (!(thrown instanceof BadEnvelope)) throw thrown
    return thrown.message
  }
}

/** The model's signature is over the bytes, whatever the manifest says of them. */
function lyingThere({
  manifest,
  held,
}: Pick<Signable, 'manifest'> & { readonly held: HeldFiles }): readonly BundleFile[] {
  return manifest.files.map((file) => ({ ...file, ...held.measured.get(file.path) }))
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // Every schema refuses it.
  }
}
