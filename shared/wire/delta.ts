/** Deltas on the wire: which ones the centre keeps towards a bundle's files. They are fetched as content, piece by piece. */
import * as v from 'valibot'
import { CHUNK_SIZE_BYTES, MAX_BUNDLE_BYTES } from './bundle.ts'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
/** Three versions of the files of a bundle that are worth one; more do not fit into a message. */
export const MAX_DELTA_OFFERS = 256

export const DeltaOfferSchema = v.strictObject({
  baseSha256: Hash,
  targetSha256: Hash,
  /** Of the delta itself: the content to fetch. Not signed, since what it makes is held against the signed manifest. */
  sha256: Hash,
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_BUNDLE_BYTES)),
  /** SHA-256 of each piece, as in a manifest. */
  chunks: v.pipe(v.array(Hash), v.minLength(1), v.maxLength(MAX_BUNDLE_BYTES / CHUNK_SIZE_BYTES)),
})
export type WireDeltaOffer = v.InferOutput<typeof DeltaOfferSchema>

/** Asks for the deltas that lead to the files of the bundle with this manifest. */
export const DeltaRequestSchema = v.strictObject({ v: v.literal(1), envelopeSha256: Hash })

export const DeltaAnswerSchema = v.strictObject({
  v: v.literal(1),
  offers: v.pipe(v.array(DeltaOfferSchema), v.maxLength(MAX_DELTA_OFFERS)),
})
