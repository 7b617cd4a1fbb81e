/**
 * A database folder in one file: the head's length (4 bytes, big-endian), the head in JSON, every file's bytes one after
 * another, and the SHA-256 of all that. One file is synced at once where a thousand would take seconds, and it is whole or it is not.
 */
import { createHash } from 'node:crypto'
import { open, mkdir, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { StarlingError } from '../../errors.ts'
import { inParallel, syncFolder } from './durable.ts'

const PIECE_BYTES = 1024 * 1024
const DIGEST_BYTES = 32
/** Paths and sizes of some thousand files. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024

const RelativePath = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/),
  v.regex(/^(?!.*(^|\/)\.\.?(\/|$))/),
)
const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const HeadSchema = v.strictObject({
  v: v.literal(1),
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** Parents before children. */
  folders: v.array(RelativePath),
  files: v.array(v.strictObject({ path: RelativePath, sizeBytes: Count })),
})
export type SnapshotHead = v.InferOutput<typeof HeadSchema>

/** The file is cut short, changed, or no snapshot. */
export class SnapshotDamaged extends StarlingError {
  override readonly code = 'database_snapshot_damaged'

  constructor(path: string, why: string) {
    super(`the snapshot ${path} cannot be used: ${why}`, {
      remedy: 'None is needed: an older one, or a fresh database, is taken instead.',
      details: { path },
    })
  }
}

/** What of `dataDir` belongs in a snapshot: all but `leftOut`. */
export async function snapshotHead(
  dataDir: string,
  { at, leaveOut }: { readonly at: string; readonly leaveOut: (path: string) => boolean },
): Promise<SnapshotHead> {
  const folders: string[] = []
  const files: { path: string; sizeBytes: number }[] = []
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(dataDir, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (leaveOut(path)) continue
      if (entry.isDirectory()) {
        folders.push(path)
        await walk(path)
      } else files.push({ path, sizeBytes: (await stat(join(dataDir, path))).size })
    }
  }
  await walk('')
  return { v: 1, at, folders, files }
}

/** Writes the snapshot to `path`, which must not be there, and syncs it. Nothing may write in `dataDir` meanwhile. */
export async function writeSnapshot(path: string, dataDir: string, head: SnapshotHead): Promise<void> {
  const target = await open(path, 'wx', 0o600)
  try {
    const digest = createHash('sha256')
    const put = async (bytes: Uint8Array): Promise<void> => {
      digest.update(bytes)
      await target.writeFile(bytes)
    }
    const text = Buffer.from(JSON.stringify(head))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    await put(Buffer.concat([length, text]))
    for (const file of head.files) await copyIn(join(dataDir, file.path), file.sizeBytes, put)
    await target.writeFile(digest.digest())
    await target.sync()
  } finally {
    await target.close()
  }
}

async function copyIn(
  path: string,
  sizeBytes: number,
  put: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const source = await open(path, 'r')
  try {
    for (let at = 0; at < sizeBytes;) {
      const piece = await readExactly(source, { at, sizeBytes: Math.min(PIECE_BYTES, sizeBytes - at) }, path)
      await put(piece)
      at += piece.length
    }
  } finally {
    await source.close()
  }
}

/** Reads the whole file and compares its digest. Throws {@link SnapshotDamaged}. */
export async function verifySnapshot(path: string): Promise<SnapshotHead> {
  const { size } = await stat(path)
  const file = await open(path, 'r')
  try {
    const { head, endsAt } = await readHead(file, path, size)
    const digest = createHash('sha256')
    for (let at = 0; at < endsAt;) {
      const piece = await readExactly(file, { at, sizeBytes: Math.min(PIECE_BYTES, endsAt - at) }, path)
      digest.update(piece)
      at += piece.length
    }
    const said = await readExactly(file, { at: endsAt, sizeBytes: DIGEST_BYTES }, path)
    if (!digest.digest().equals(said)) throw new SnapshotDamaged(path, 'its digest is another one')
    return head
  } finally {
    await file.close()
  }
}

/** Fills `dir`, which must not be there, from a snapshot that was verified, and syncs it. */
export async function unpackSnapshot(path: string, dir: string): Promise<void> {
  const { size } = await stat(path)
  const source = await open(path, 'r')
  try {
    const { head, startsAt } = await readHead(source, path, size)
    await mkdir(dir, { mode: 0o700 })
    for (const folder of head.folders) await mkdir(join(dir, folder), { mode: 0o700 })
    let from = startsAt
    const places = head.files.map((file) => {
      const place = { ...file, from }
      from += file.sizeBytes
      return place
    })
    await inParallel(places, async (file) => {
      await copyOut({ source, from: file.from, path }, join(dir, file.path), file.sizeBytes)
    })
    await inParallel([...head.folders, ''], async (folder) => await syncFolder(join(dir, folder)))
  } finally {
    await source.close()
  }
}

async function copyOut(
  { source, from, path }: { readonly source: FileHandle; readonly from: number; readonly path: string },
  to: string,
  sizeBytes: number,
): Promise<void> {
  const target = await open(to, 'wx', 0o600)
  try {
    for (let at = 0; at < sizeBytes;) {
      const place = { at: from + at, sizeBytes: Math.min(PIECE_BYTES, sizeBytes - at) }
      const piece = await readExactly(source, place, path)
      await target.writeFile(piece)
      at += piece.length
    }
    await target.sync()
  } finally {
    await target.close()
  }
}

async function readHead(
  file: FileHandle,
  path: string,
  totalBytes: number,
): Promise<{ readonly head: SnapshotHead; readonly startsAt: number; readonly endsAt: number }> {
  const length = (await readExactly(file, { at: 0, sizeBytes: 4 }, path)).readUInt32BE(0)
  if (length > MAX_HEAD_BYTES) throw new SnapshotDamaged(path, 'it has no head')
  const text = (await readExactly(file, { at: 4, sizeBytes: length }, path)).toString('utf8')
  const parsed = v.safeParse(HeadSchema, jsonOf(text))
  if (!parsed.success) throw new SnapshotDamaged(path, 'its head cannot be read')
  const head = parsed.output
  const startsAt = 4 + length
  const endsAt = head.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, startsAt)
  if (endsAt + DIGEST_BYTES !== totalBytes) throw new SnapshotDamaged(path, 'it was not written to its end')
  return { head, startsAt, endsAt }
}

async function readExactly(
  file: FileHandle,
  { at, sizeBytes }: { readonly at: number; readonly sizeBytes: number },
  path: string,
): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes)
  const { bytesRead } = await file.read(buffer, 0, sizeBytes, at)
  if (bytesRead < sizeBytes) throw new SnapshotDamaged(path, 'it ends too early')
  return buffer
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // The schema refuses it.
  }
}
