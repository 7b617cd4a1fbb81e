/**
 * What one agent of a site keeps for all that hang on its leaf: a piece comes over the site's link once, however many ask at the
 * same time. It is kept under its own digest and held against it each time, and whoever takes it does so again.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { sha256Hex } from '../../shared/digest.ts'
import { reportError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import { answerBytes, answerError, decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { PieceRequestSchema, type PieceRequest } from '../../shared/wire/site.ts'
import { isInboxOf, parseSitePiece, subjects } from '../../shared/wire/subjects.ts'
import { ContentMismatch } from '../models-store/content-store.ts'
import type { Disk } from '../models-store/disk.ts'
import { chunkRequest } from '../update/fetch.ts'
import { PieceShelf } from './piece-shelf.ts'
import type { SitePieces } from './site-pieces.ts'

/** Room for a few deltas and one bundle, beside what the device itself runs. */
export const SITE_CACHE_BYTES = 128 * 1024 * 1024
/** Pieces under way at once for the whole site, as one device alone has them. */
const MAX_IN_WORK = 256

export interface SiteCache extends SitePieces {
  close(): Promise<void>
}

export async function openSiteCache(parts: {
  readonly folder: string
  readonly disk: Disk
  readonly connection: NatsConnection
  /** Of the centre, as the device that keeps the cache. */
  readonly ask: Ask
  readonly log: Log
  readonly maxBytes?: number
}): Promise<SiteCache> {
  const { folder, disk, connection, ask, log, maxBytes = SITE_CACHE_BYTES } = parts
  const shelf = await PieceShelf.open(folder, disk, maxBytes)
  const underWay = new Map<string, Promise<Uint8Array>>()
  const inWork = new Set<Promise<void>>()
  const stopped = new AbortController()
  const brought = async ({ sha256, index, digest }: PieceRequest): Promise<Uint8Array> => {
    const present = await shelf.find(digest)
    if (present !== null) return present
    const bytes = await ask('bundle.chunk', chunkRequest(sha256, index), stopped.signal)
    if (sha256Hex(bytes) !== digest)
      throw new ContentMismatch(`piece ${index} of ${sha256} is not what was asked for`, {
        remedy: 'It is asked for at the centre itself.',
      })
    // A full or broken disk must not keep a piece from those who wait for it.
    await shelf.keep(digest, bytes).catch((thrown: unknown) => {
      log.warn('the site’s cache could not keep a piece', { message: reportError(thrown).message })
    })
    return bytes
  }
  const piece = async (request: PieceRequest): Promise<Uint8Array> => {
    const { digest } = request
    const other = underWay.get(digest)
    if (other !== undefined) return await other
    const mine = brought(request).finally(() => underWay.delete(digest))
    underWay.set(digest, mine)
    return await mine
  }
  const answer = async (message: Msg): Promise<void> => {
    try {
      message.respond(answerBytes(await piece(decodeJson(PieceRequestSchema, message.data))))
    } catch (thrown) {
      message.respond(answerError(thrown))
    }
  }
  const take = (message: Msg): void => {
    const device = parseSitePiece(message.subject)
    if (device === null || !isInboxOf(device, message.reply) || inWork.size >= MAX_IN_WORK) return
    const work = answer(message).finally(() => inWork.delete(work))
    inWork.add(work)
  }
  const subscription = connection.subscribe(subjects.sitePieces, {
    callback: (error, message) => {
      if (error === null) take(message)
    },
  })
  return {
    piece: async (request) => await piece(request).catch(() => null),
    close: async () => {
      subscription.unsubscribe()
      stopped.abort()
      await Promise.allSettled(inWork)
    },
  }
}
