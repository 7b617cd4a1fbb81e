/** Bundle content at the centre: files by their SHA-256, written once, durable before anything names them. */
import { createHash } from 'node:crypto'
import { constants, mkdirSync } from 'node:fs'
import { access, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'
import { CHUNK_SIZE_BYTES } from '../../shared/wire/bundle.ts'

export class ContentUnknown extends StarlingError {
  override readonly code = 'content_unknown'
}

export interface CentreContent {
  /** Stores bytes; returns their name and the digests of their pieces. */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly chunks: readonly string[] }>
  get(sha256: string): Promise<Uint8Array>
  /** One piece of {@link CHUNK_SIZE_BYTES}. Throws {@link ContentUnknown}. */
  chunk(sha256: string, index: number): Promise<Uint8Array>
}

export function openCentreContent(folder: string): CentreContent {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pathOf = (sha256: string): string => join(folder, sha256)
  return {
    put: async (bytes) => {
      const sha256 = hexDigest(bytes)
      if (!(await exists(pathOf(sha256)))) await writeWhole(pathOf(sha256), bytes)
      return { sha256, chunks: chunkDigests(bytes) }
    },
    get: async (sha256) => {
      const bytes = await readFile(pathOf(sha256)).catch(() => null)
      if (bytes === null || hexDigest(bytes) !== sha256) throw unknown(sha256)
      return bytes
    },
    chunk: async (sha256, index) => {
      const file = await open(pathOf(sha256), 'r').catch(() => null)
      if (file === null) throw unknown(sha256)
      try {
        const buffer = Buffer.alloc(CHUNK_SIZE_BYTES)
        const { bytesRead } = await file.read(buffer, 0, CHUNK_SIZE_BYTES, index * CHUNK_SIZE_BYTES)
        if (bytesRead === 0) throw unknown(`${sha256}, piece ${index}`)
        return buffer.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    },
  }
}

function chunkDigests(bytes: Uint8Array): readonly string[] {
  const digests: string[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE_BYTES)
    digests.push(hexDigest(bytes.subarray(at, at + CHUNK_SIZE_BYTES)))
  return digests
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}

function hexDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function unknown(what: string): ContentUnknown {
  return new ContentUnknown(`the centre holds no content ${what}`, {
    remedy: 'Ask for what the signed manifest names; publish the bundle again if it should be there.',
  })
}
