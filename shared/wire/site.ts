/** One piece of content asked of the site's cache, over the leaf alone: its digest comes from a manifest that the device may read. */
import * as v from 'valibot'
import { ChunkRequestSchema } from './bundle.ts'

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

/**
 * Which piece of which content, and its own SHA-256: the name under which the cache keeps it, so that it can keep nothing else. Who
 * knows the digest was let read the signed manifest, or the list of deltas, that holds it.
 */
export const PieceRequestSchema = v.strictObject({ ...ChunkRequestSchema.entries, digest: Hash })
export type PieceRequest = v.InferOutput<typeof PieceRequestSchema>
