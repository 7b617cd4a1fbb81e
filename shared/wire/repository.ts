/** TUF metadata over the fabric: a device asks for a file of the image repository, or of its own director, piece by piece. */
import * as v from 'valibot'
import { StarlingError } from '../errors.ts'

/** *image* says what exists, under offline keys; *director* what this device shall run, under an online one. */
export const REPOSITORIES = ['image', 'director'] as const
export type RepositoryName = (typeof REPOSITORIES)[number]

/** What one answer carries: well under what a leaf link takes in one message. A shorter piece is the last one. */
export const METADATA_PIECE_BYTES = 262_144
/** A targets file of the largest size that a TUF client takes. */
const MAX_PIECES = 256

export const MetadataRequestSchema = v.strictObject({
  v: v.literal(1),
  repository: v.picklist(REPOSITORIES),
  /** As a repository serves it: `timestamp.json`, `3.snapshot.json`. */
  name: v.pipe(v.string(), v.regex(/^(?:[1-9]\d{0,8}\.)?[a-z0-9-]{1,64}\.json$/)),
  index: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_PIECES)),
})
export type MetadataRequest = v.InferOutput<typeof MetadataRequestSchema>

/** The repository has no file of that name: for the next root, the usual answer. */
export class MetadataAbsent extends StarlingError {
  override readonly code = 'metadata_absent'
}

/** A root as it travels when a device is taken in: the file's own bytes, base64. */
export const RootTextSchema = v.pipe(v.string(), v.base64(), v.maxLength(700_000))

/** What the director's signers add to a target: for which device it is, and from which newer bundle it may lead back. */
export const DirectionSchema = v.object({
  device: v.string(),
  returnFrom: v.exactOptional(v.string()),
})
