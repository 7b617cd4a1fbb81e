/** Asking the site's cache, which hangs on the same leaf: nothing of it crosses the site's link. */
import type { NatsConnection } from '@nats-io/transport-node'
import type { DeviceId } from '../../shared/ids.ts'
import { openAnswer } from '../../shared/wire/answer.ts'
import type { PieceRequest } from '../../shared/wire/site.ts'
import { subjects } from '../../shared/wire/subjects.ts'

/** The cache itself may have to wait for the centre. */
const ANSWER_WITHIN_MS = 20_000

export interface SitePieces {
  /** The piece as the site has it, not yet verified; null where the site has none to give. */
  piece(request: PieceRequest, signal: AbortSignal): Promise<Uint8Array | null>
}

/** For an agent that keeps no cache itself. */
export function askSite(connection: NatsConnection, device: DeviceId): SitePieces {
  return {
    piece: async (request, signal) => {
      signal.throwIfAborted()
      const payload = new TextEncoder().encode(JSON.stringify(request))
      try {
        const { data } = await connection.request(subjects.sitePiece(device), payload, {
          timeout: ANSWER_WITHIN_MS,
        })
        return openAnswer(data)
      } catch {
        // No cache, one that is busy, or one that may not read it: the centre is asked instead.
        return null
      }
    },
  }
}
