/**
 * Content by its SHA-256. A file arrives piece by piece in `incoming/`, every piece verified as it comes, and gets its
 * place in `objects/` only whole, verified again and durable. What `objects/` names is therefore what it holds.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { CHUNK_SIZE_BYTES } from '../../shared/wire/bundle.ts'
import type { Disk } from './disk.ts'

export class ContentMismatch extends StarlingError {
  override readonly code = 'content_mismatch'
}

/** A file's name for the store: what a manifest says of it. */
export interface ContentName {
  readonly sha256: string
  readonly sizeBytes: number
  readonly chunks: readonly string[]
}

export interface ContentStore {
  /** The object's path when it is complete, else null. */
  find(name: ContentName): Promise<string | null>
  /** Indexes of the pieces that `incoming/` does not hold verified. */
  missing(name: ContentName): Promise<readonly number[]>
  /** What those pieces weigh. */
  missingBytes(name: ContentName): Promise<number>
  /** Takes one piece. Throws {@link ContentMismatch} when it is not what the manifest says. */
  addChunk(name: ContentName, index: number, bytes: Uint8Array): Promise<void>
  /** Makes a complete file an object. Throws {@link ContentMismatch} (and forgets the pieces) when the whole does not hash. */
  seal(name: ContentName): Promise<string>
  /** Reads an object again from the disk and throws {@link ContentMismatch} when it is not what it was. */
  verify(name: ContentName): Promise<void>
}

export function openContentStore(folder: string, disk: Disk): ContentStore {
  const objects = join(folder, 'objects')
  const incoming = join(folder, 'incoming')
  const objectPath = (name: ContentName): string => join(objects, name.sha256.slice(0, 2), name.sha256)
  const partPath = (name: ContentName): string => join(incoming, `${name.sha256}.part`)

  const find = async (name: ContentName): Promise<string | null> =>
    await access(objectPath(name), constants.R_OK).then(
      () => objectPath(name),
      () => null,
    )

  return {
    find,
    missing: async (name) => await missingChunks(partPath(name), name),
    missingBytes: async (name) => {
      const absent = await missingChunks(partPath(name), name)
      return absent.reduce((sum, index) => sum + chunkSize(name, index), 0)
    },
    addChunk: async (name, index, bytes) => {
      if (bytes.length !== chunkSize(name, index) || sha256Hex(bytes) !== name.chunks[index])
        throw mismatch(`piece ${index} of ${name.sha256} is not what the manifest names`)
      await disk.makeFolder(incoming)
      await disk.writeAt(partPath(name), index * CHUNK_SIZE_BYTES, bytes)
    },
    seal: async (name) => {
      const present = await find(name)
      if (present !== null) return present
      const part = partPath(name)
      try {
        await hashed(part, name)
      } catch (thrown) {
        if (thrown instanceof ContentMismatch) await disk.remove(part)
        throw thrown
      }
      await disk.sync(part)
      const target = objectPath(name)
      const home = join(objects, name.sha256.slice(0, 2))
      await disk.makeFolder(home)
      await disk.rename(part, target)
      await disk.sync(home)
      await disk.sync(objects)
      return target
    },
    verify: async (name) => {
      try {
        await hashed(objectPath(name), name)
      } catch (thrown) {
        if (thrown instanceof ContentMismatch) await disk.remove(objectPath(name))
        throw thrown
      }
    },
  }
}

/** The exact size of piece `index`. Throws {@link ContentMismatch} when there is no such piece. */
function chunkSize(name: ContentName, index: number): number {
  const sizeBytes = Math.min(CHUNK_SIZE_BYTES, name.sizeBytes - index * CHUNK_SIZE_BYTES)
  if (index < 0 || sizeBytes <= 0) throw mismatch(`${name.sha256} has no piece ${index}`)
  return sizeBytes
}

/** Reads what a broken transfer left behind and believes only pieces that hash. */
async function missingChunks(part: string, name: ContentName): Promise<readonly number[]> {
  const all = name.chunks.map((_, index) => index)
  const file = await open(part, 'r').catch(() => null)
  if (file === null) return all
  try {
    const buffer = new Uint8Array(CHUNK_SIZE_BYTES)
    const absent: number[] = []
    for (const index of all) {
      const sizeBytes = chunkSize(name, index)
      const { bytesRead } = await file.read(buffer, 0, sizeBytes, index * CHUNK_SIZE_BYTES)
      const held = bytesRead === sizeBytes && sha256Hex(buffer.subarray(0, sizeBytes)) === name.chunks[index]
      if (!held) absent.push(index)
    }
    return absent
  } finally {
    await file.close()
  }
}

async function hashed(path: string, name: ContentName): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => -1,
  )
  if (size !== name.sizeBytes)
    throw mismatch(`${path} has ${size} bytes, the manifest names ${name.sizeBytes}`)
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    for await (const piece of file.createReadStream({ autoClose: false })) hash.update(piece as Uint8Array)
  } finally {
    await file.close()
  }
  if (hash.digest('hex') !== name.sha256) throw mismatch(`${path} is not the content that its name says`)
}

function mismatch(why: string): ContentMismatch {
  return new ContentMismatch(`content was refused: ${why}`, {
    remedy: 'It is fetched again; if it stays wrong, publish the bundle again at the centre.',
  })
}
