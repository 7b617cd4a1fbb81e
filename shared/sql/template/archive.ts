/**
 * The template's container: a length (4 bytes, big-endian), an index in JSON, then each distinct content once, all
 * compressed by brotli. A fresh cluster holds three databases of nearly the same files, so that contents shrink to a third.
 */
import { createHash } from 'node:crypto'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import * as v from 'valibot'

/** Unpacked size: a fresh cluster has 23 MB. */
const UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024

const RelativePath = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/),
  v.regex(/^(?!.*(^|\/)\.\.?(\/|$))/),
)
const Size = v.pipe(v.number(), v.integer(), v.minValue(0))
const Index = v.object({
  folders: v.array(RelativePath),
  /** Path and the number of its content. */
  files: v.array(v.tuple([RelativePath, Size])),
  contentSizes: v.array(Size),
})

export interface Archive {
  /** Parents before children. */
  readonly folders: readonly string[]
  readonly files: readonly { readonly path: string; readonly content: Uint8Array }[]
}

export function pack(archive: Archive): Uint8Array {
  const numbers = new Map<string, number>()
  const contents: Uint8Array[] = []
  const files = archive.files.map(({ path, content }): [string, number] => {
    const digest = createHash('sha256').update(content).digest('hex')
    const number = numbers.get(digest) ?? contents.push(content) - 1
    numbers.set(digest, number)
    return [path, number]
  })
  const index = { folders: archive.folders, files, contentSizes: contents.map((content) => content.length) }
  const head = Buffer.from(JSON.stringify(index))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.length)
  return brotliCompressSync(Buffer.concat([length, head, ...contents]), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  })
}

/** Throws on anything that {@link pack} did not make. */
export function unpack(packed: Uint8Array): Archive {
  const bytes = brotliDecompressSync(packed, { maxOutputLength: UNPACKED_LIMIT_BYTES })
  const headEnd = 4 + bytes.readUInt32BE(0)
  const index = v.parse(Index, JSON.parse(bytes.toString('utf8', 4, headEnd)))
  const contents: Uint8Array[] = []
  let at = headEnd
  for (const size of index.contentSizes) {
    contents.push(bytes.subarray(at, at + size))
    at += size
  }
  if (at !== bytes.length) throw new RangeError('the archive has another length than its index says')
  const files = index.files.map(([path, number]) => {
    const content = contents[number]
    if (content === undefined) throw new RangeError(`${path} has no content`)
    return { path, content }
  })
  return { folders: index.folders, files }
}
