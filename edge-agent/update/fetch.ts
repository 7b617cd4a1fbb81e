/** Brings a bundle's content from the centre, a few pieces at a time, asking only for what is not held verified. */
import type { Ask } from '../../shared/wire/answer.ts'
import type { SitePieces } from '../site/site-pieces.ts'
import { ContentMismatch, type ContentName, type ContentStore } from '../models-store/content-store.ts'

/** Pieces under way at once: 1 MiB in flight fills a 600 ms link at 10 Mbit/s without starving audit traffic. */
const PIECES_IN_FLIGHT = 4
/** A piece that arrives wrong this often is wrong at its source. */
const MAX_TRIES = 3

interface FetchParts {
  readonly ask: Ask
  readonly store: ContentStore
  /** Asked before the centre; null where the device hangs on no leaf that others share. */
  readonly site: SitePieces | null
  /** Told what the site's cache gave that was something else. */
  readonly onPoisoned: (cause: ContentMismatch) => void
}

/** Fetches one file into the store. Throws {@link ContentMismatch} when its source keeps sending something else. */
export async function fetchContent(parts: FetchParts, name: ContentName, signal: AbortSignal): Promise<void> {
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

interface Piece {
  readonly name: ContentName
  readonly index: number
}

async function fetchPiece(parts: FetchParts, piece: Piece, signal: AbortSignal): Promise<void> {
  const { name, index } = piece
  if (await takenFromSite(parts, piece, signal)) return
  for (let tried = 1; ; tried += 1) {
    signal.throwIfAborted()
    const bytes = await parts.ask('bundle.chunk', chunkRequest(name.sha256, index), signal)
    try {
      await parts.store.addChunk(name, index, bytes)
      return
    } catch (thrown) {
      if (!(thrown instanceof ContentMismatch) || tried === MAX_TRIES) throw thrown
    }
  }
}

async function takenFromSite(
  { site, store, onPoisoned }: FetchParts,
  { name, index }: Piece,
  signal: AbortSignal,
): Promise<boolean> {
  const digest = name.chunks[index]
  if (site === null || digest === undefined) return false
  const bytes = await site.piece({ v: 1, sha256: name.sha256, index, digest }, signal)
  if (bytes === null) return false
  try {
    await store.addChunk(name, index, bytes)
    return true
  } catch (thrown) {
    if (!(thrown instanceof ContentMismatch)) throw thrown
    onPoisoned(thrown)
    return false
  }
}

/** The request for one piece, as bytes. */
export function chunkRequest(sha256: string, index: number): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: 1, sha256, index }))
}
