/** What the agents of one site ask because they share a leaf: a piece of content of the site's cache, and for whom the leaf speaks. */
import * as v from 'valibot'
import { ChunkRequestSchema } from './bundle.ts'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

/**
 * Which piece of which content, and its own SHA-256: the name under which the cache keeps it, so that it can keep nothing else. Who
 * knows the digest was let read the signed manifest, or the list of deltas, that holds it.
 */
export const PieceRequestSchema = v.strictObject({ ...ChunkRequestSchema.entries, digest: Hash })
export type PieceRequest = v.InferOutput<typeof PieceRequestSchema>

/** More agents than one machine at a site serves; each is two lines in the credentials of its leaf. */
export const MAX_SITE_DEVICES = 64

const Devices = v.pipe(v.array(v.pipe(v.string(), v.maxLength(100))), v.maxLength(MAX_SITE_DEVICES))

/** Asked of the centre by the device that keeps the site's leaf: for which devices its credentials speak now. */
export const SiteLeafRequestSchema = v.strictObject({ v: v.literal(1), devices: Devices })
/** For which they should, the keeper first; `jwt` is null where that is so already. */
export const SiteLeafAnswerSchema = v.strictObject({
  v: v.literal(1),
  devices: Devices,
  jwt: v.nullable(v.pipe(v.string(), v.maxLength(64 * 1024))),
})
