/**
 * Content by its SHA-256. A file arrives piece by piece in `incoming/`, every piece verified as it comes, and gets its
 * place in `objects/` only whole, verified again and durable. What `objects/` names is therefore what it holds.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, open, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { CHUNK_SIZE_BYTES } from '../../shared/wire/bundle.ts'
import type { Disk } from './disk.ts'
import { nullIfUnreadable } from './disk-trouble.ts'

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
  find(name: Pick<ContentName, 'sha256'>): Promise<string | null>
  /** SHA-256 of every complete object. */
  held(): Promise<ReadonlySet<string>>
  /** Indexes of the pieces that `incoming/` does not hold verified. */
  missing(name: ContentName): Promise<readonly number[]>
  /** What those pieces weigh. */
  missingBytes(name: ContentName): Promise<number>
  /** Takes one piece. Throws {@link ContentMismatch} when it is not what the manifest says. */
  addChunk(name: ContentName, index: number, bytes: Uint8Array): Promise<void>
  /**
   * Takes a whole file in the order of its bytes and makes it an object. Throws {@link ContentMismatch} when it is not what its
   * name says, and whatever `pieces` throws; then nothing of it is kept.
   */
  write(name: ContentName, pieces: AsyncIterable<Uint8Array>): Promise<string>
  /** Makes a complete file an object. Throws {@link ContentMismatch} (and forgets the pieces) when the whole does not hash. */
  seal(name: ContentName): Promise<string>
  /** Removes every object that stands in no slot. */
  prune(): Promise<void>
  /** Forgets an object, or what came of it. */
  discard(name: ContentName): Promise<void>
  /** Reads an object again from the disk and throws {@link ContentMismatch} when it is not what it was. */
  verify(name: ContentName): Promise<void>
}

export function openContentStore(folder: string, disk: Disk): ContentStore {
  const objects = join(folder, 'objects')
  const incoming = join(folder, 'incoming')
  const objectPath = (name: Pick<ContentName, 'sha256'>): string =>
    join(objects, name.sha256.slice(0, 2), name.sha256)
  const partPath = (name: ContentName): string => join(incoming, `${name.sha256}.part`)

  const find = async (name: Pick<ContentName, 'sha256'>): Promise<string | null> =>
    await access(objectPath(name), constants.R_OK).then(() => objectPath(name), nullIfUnreadable)

  const seal = async (name: ContentName): Promise<string> => {
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
  }

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
    seal,
    write: async (name, pieces) => {
      const present = await find(name)
      if (present !== null) return present
      await disk.makeFolder(incoming)
      await writeFresh(disk, { path: partPath(name), name }, pieces)
      return await seal(name)
    },
    held: async () => new Set((await objectPaths(objects)).map((path) => basename(path))),
    prune: async () => {
      for (const path of await objectPaths(objects))
        if ((await stat(path)).nlink === 1) await disk.remove(path)
    },
    discard: async (name) => {
      await disk.remove(objectPath(name))
      await disk.remove(partPath(name))
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

/** Writes a file from its first byte on; one that comes out longer than its name says, or does not end, is not kept. */
async function writeFresh(
  disk: Disk,
  { path, name }: { readonly path: string; readonly name: ContentName },
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  await disk.remove(path)
  try {
    let writtenBytes = 0
    for await (const bytes of gathered(pieces)) {
      if (writtenBytes + bytes.length > name.sizeBytes) throw mismatch(`${name.sha256} has too many bytes`)
      await disk.writeAt(path, writtenBytes, bytes)
      writtenBytes += bytes.length
    }
  } catch (thrown) {
    await disk.remove(path)
    throw thrown
  }
}

async function objectPaths(objects: string): Promise<readonly string[]> {
  const found = await readdir(objects, { recursive: true, withFileTypes: true }).catch(nullIfUnreadable)
  return (found ?? []).flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
}

/** The same bytes in pieces of {@link CHUNK_SIZE_BYTES}: a file is opened once for each. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let held = new Uint8Array(CHUNK_SIZE_BYTES)
  let heldBytes = 0
  for await (const piece of pieces)
    for (let at = 0; at < piece.length;) {
      const count = Math.min(piece.length - at, held.length - heldBytes)
      held.set(piece.subarray(at, at + count), heldBytes)
      heldBytes += count
      at += count
      if (heldBytes < held.length) continue
      yield held
      held = new Uint8Array(CHUNK_SIZE_BYTES)
      heldBytes = 0
    }
  if (heldBytes > 0) yield held.subarray(0, heldBytes)
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
  const file = await open(part, 'r').catch(nullIfUnreadable)
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
  const fault = await contentFault(path, name)
  if (fault !== null) throw mismatch(`${path} ${fault}`)
}

/** Why the file is not the content of that name, also where the disk does not give it; null where it is. Throws {@link MachineExhausted}. */
export async function contentFault(path: string, name: ContentName): Promise<string | null> {
  try {
    const { size } = await stat(path)
    if (size !== name.sizeBytes) return `has ${size} bytes, the manifest names ${name.sizeBytes}`
    return (await sha256Of(path)) === name.sha256 ? null : 'is not the content that its name says'
  } catch (thrown) {
    nullIfUnreadable(thrown)
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null
    if (typeof code !== 'string') throw thrown
    return code === 'ENOENT' ? 'is not there' : `cannot be read from this disk (${code})`
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    for await (const piece of file.createReadStream({ autoClose: false })) hash.update(piece as Uint8Array)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

function mismatch(why: string): ContentMismatch {
  return new ContentMismatch(`content was refused: ${why}`, {
    remedy:
      'It is fetched again; if it stays wrong, check the disk, or publish the bundle again at the centre.',
  })
}
