/** A repository that the centre serves over the fabric, piece by piece. */
import { CHUNK_SIZE_BYTES } from '../../shared/wire/bundle.ts'
import { AskRefused, CentreUnreachable, type Ask } from '../../shared/wire/answer.ts'
import {
  METADATA_PIECE_BYTES,
  type MetadataRequest,
  type RepositoryName,
} from '../../shared/wire/repository.ts'
import { TufUnreachable, type RepositorySource } from './repository-source.ts'

export function askSource(ask: Ask, repository: RepositoryName, signal: AbortSignal): RepositorySource {
  const pieces = async function* (
    what: string,
    { sizeBytes, limitBytes }: { readonly sizeBytes: number; readonly limitBytes: number },
    piece: (index: number) => Promise<Uint8Array>,
  ): AsyncIterable<Uint8Array> {
    let heldBytes = 0
    for (let index = 0; ; index += 1) {
      const bytes = await piece(index)
      heldBytes += bytes.length
      if (bytes.length > sizeBytes || heldBytes > limitBytes)
        throw new TufUnreachable('endless', `${what} is longer than ${limitBytes} bytes`)
      yield bytes
      if (bytes.length < sizeBytes) return
    }
  }
  return {
    metadata: async (name, limitBytes) => {
      const all: Uint8Array[] = []
      try {
        const size = { sizeBytes: METADATA_PIECE_BYTES, limitBytes }
        for await (const bytes of pieces(name, size, async (index) => {
          const request: MetadataRequest = { v: 1, repository, name, index }
          return await asked(async () => await ask('repository.metadata', encoded(request), signal))
        }))
          all.push(bytes)
      } catch (thrown) {
        const { cause } = thrown instanceof TufUnreachable ? thrown : {}
        if (cause instanceof AskRefused && cause.report.code === 'metadata_absent') return undefined
        throw thrown
      }
      return Buffer.concat(all)
    },
    target: (location, limitBytes) => {
      const sha256 = location.slice(location.lastIndexOf('/') + 1).split('.')[0] ?? ''
      return pieces(location, { sizeBytes: CHUNK_SIZE_BYTES, limitBytes }, async (index) =>
        asked(async () => await ask('bundle.chunk', encoded({ v: 1, sha256, index }), signal)),
      )
    },
  }
}

async function asked(ask: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await ask()
  } catch (thrown) {
    // A name that somebody made up, and that the centre does not even take, is no fault of the device.
    if (!(thrown instanceof CentreUnreachable || thrown instanceof AskRefused)) throw thrown
    throw new TufUnreachable('failed', thrown.message, thrown)
  }
}

function encoded(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
