/** The card that lies beside an imported model's files: what it is, whose, under which licence, and its digests. */
import * as v from 'valibot'
import { sha256Hex } from '../../shared/digest.ts'
import type { Sha256Hex } from '../../shared/ids.ts'

/** What kind of model it is, as registry and policy name it. */
export const MODEL_CLASSES = ['acoustic', 'ctc', 'transducer', 'vad', 'intent', 'embedding'] as const
export type ModelClass = (typeof MODEL_CLASSES)[number]

/** SPDX's word for "nobody said". */
export const NO_LICENCE_SAID = 'NOASSERTION'

export const MODEL_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

const Text = v.pipe(v.string(), v.maxLength(4_096))
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

export const FILE_NAMES = {
  model: 'model.onnx',
  encoder: 'encoder.onnx',
  decoder: 'decoder.onnx',
  joiner: 'joiner.onnx',
  tokens: 'tokens.txt',
  vocabulary: 'vocab.txt',
} as const

const FileSchema = v.strictObject({
  file: v.picklist(Object.values(FILE_NAMES)),
  sha256: Sha256,
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** What its user called it. */
  given: Text,
})

export const ImportedCardSchema = v.strictObject({
  v: v.literal(1),
  name: v.pipe(v.string(), v.regex(MODEL_NAME)),
  class: v.picklist(MODEL_CLASSES),
  /** The family whose contract it keeps: `nemo-ctc`, `silero-vad`, … */
  contract: Text,
  licence: Text,
  source: v.literal('imported'),
  residency: v.literal('device'),
  importedAt: v.pipe(v.string(), v.isoTimestamp()),
  files: v.pipe(v.array(FileSchema), v.minLength(1), v.maxLength(4)),
  digest: Sha256,
  /** What the file says of itself. */
  says: v.record(v.pipe(v.string(), v.maxLength(200)), Text),
  warnings: v.array(Text),
  /** See `NeuralFacts.probe`; empty until the model has run. */
  golden: v.pipe(v.array(v.number()), v.maxLength(64)),
})
export type ImportedCard = v.InferOutput<typeof ImportedCardSchema>

/** A runtime of somebody's on this machine, which speaks our HTTP protocol: other formats than ONNX stand behind it. */
export const DeclaredCardSchema = v.strictObject({
  v: v.literal(1),
  name: v.pipe(v.string(), v.regex(MODEL_NAME)),
  class: v.picklist(MODEL_CLASSES),
  contract: v.literal('http-runtime'),
  licence: Text,
  source: v.literal('declared'),
  residency: v.literal('device'),
  declaredAt: v.pipe(v.string(), v.isoTimestamp()),
  url: v.pipe(v.string(), v.url()),
  /** As the runtime names its model. */
  model: v.strictObject({ name: Text, digest: Sha256 }),
  /** The model's. */
  digest: Sha256,
  says: v.record(v.string(), Text),
  warnings: v.array(Text),
})
export type DeclaredCard = v.InferOutput<typeof DeclaredCardSchema>

/** What lies beside, or instead of, a model's files. */
export const ModelCardSchema = v.variant('source', [ImportedCardSchema, DeclaredCardSchema])
export type ModelCard = v.InferOutput<typeof ModelCardSchema>
export type CardFile = v.InferOutput<typeof FileSchema>

/** One digest for all of a model's files, whatever they were called. */
export function filesDigest(files: readonly { readonly file: string; readonly sha256: string }[]): Sha256Hex {
  return sha256Hex(
    [...files]
      .sort((a, b) => (a.file < b.file ? -1 : 1))
      .map(({ file, sha256 }) => `${sha256}  ${file}\n`)
      .join(''),
  )
}
