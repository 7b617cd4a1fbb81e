/** Brings a bundle's content from the centre, a few pieces at a time, asking only for what is not held verified. */
import type { Ask } from '../../shared/wire/answer.ts'
import { ContentMismatch, type ContentName, type ContentStore } from '../models-store/content-store.ts'

/** Pieces under way at once: 1 MiB in flight fills a 600 ms link at 10 Mbit/s without starving audit traffic. */
const PIECES_IN_FLIGHT = 4
/** A piece that arrives wrong this often is wrong at its source. */
const MAX_TRIES = 3

/** Fetches one file into the store. Throws {@link ContentMismatch} when its source keeps sending something else. */
export async function fetchContent(
  parts: { readonly ask: Ask; readonly store: ContentStore },
  name: ContentName,
  signal: AbortSignal,
): Promise<void> {
  if ((await parts.store.find(name)) !== null) return
  const queue = [...(await parts.store.missing(name))]
  const worker = async (): Promise<void> => {
    for (let index = queue.shift(); index !== undefined; index = queue.shift())
      await fetchPiece(parts, { name, index }, signal)
  }
  const results = await Promise.allSettled(Array.from({ length: PIECES_IN_FLIGHT }, worker))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  await parts.store.seal(name)
}

async function fetchPiece(
  parts: { readonly ask: Ask; readonly store: ContentStore },
  piece: { readonly name: ContentName; readonly index: number },
  signal: AbortSignal,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    signal.throwIfAborted()
    const bytes = await parts.ask('bundle.chunk', chunkRequest(piece.name.sha256, piece.index), signal)
    try {
      await parts.store.addChunk(piece.name, piece.index, bytes)
      return
    } catch (thrown) {
      if (!(thrown instanceof ContentMismatch) || tried === MAX_TRIES) throw thrown
    }
  }
}

/** The request for one piece, as bytes. */
export function chunkRequest(sha256: string, index: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: 1, sha256, index }))
}
