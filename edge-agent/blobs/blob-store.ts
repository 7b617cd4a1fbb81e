/**
 * Content that is kept on the device, each piece once whoever keeps it, by the SHA-256 of its bytes. On the disk it is encrypted
 * (AES-256-GCM), under a name that tells nothing: whoever has the disk without the device's key learns neither what is kept nor whether a
 * certain content is. What nobody refers to any more is taken away by {@link BlobStore.collect}.
 *
 * A file: `SLB1`, a nonce of 12 bytes, the tag of 16, what was encrypted.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'

const MAGIC = Buffer.from('SLB1')
const NONCE_BYTES = 12
const TAG_BYTES = 16
const NAME = /^[0-9a-f]{64}$/

/** It is not here, it was changed on the disk, or another key wrote it. */
export class BlobUnreadable extends StarlingError {
  override readonly code: 'blob_missing' | 'blob_damaged'

  constructor(code: 'blob_missing' | 'blob_damaged', sha256: string) {
    super(
      `the content ${sha256.slice(0, 12)} ${code === 'blob_missing' ? 'is not here' : 'is not what was kept'}`,
      {
        remedy: 'Nothing else depends on it: keep it again where it came from, or let it go.',
        details: { sha256 },
      },
    )
    this.code = code
  }
}

export interface BlobStore {
  /** Keeps the bytes, durable; returns their digest. Nothing is written where they are kept already. */
  put(bytes: Uint8Array): Promise<string>
  /** Throws {@link BlobUnreadable}. */
  read(sha256: string): Uint8Array
  /** True where it is here and whole. */
  isWhole(sha256: string): boolean
  /** Takes away what is not among `kept`; returns how many there were. */
  collect(kept: ReadonlySet<string>): Promise<number>
}

/** `secret`: of this device alone, from which the keys of names and contents are derived. */
export function openBlobStore(folder: string, disk: Disk, secret: Uint8Array): BlobStore {
  const keys = Buffer.from(hkdfSync('sha256', secret, '', 'starling blobs 1', 64))
  const [contentKey, nameKey] = [keys.subarray(0, 32), keys.subarray(32)]
  const nameOf = (sha256: string): string => createHmac('sha256', nameKey).update(sha256).digest('hex')
  const read = (sha256: string): Uint8Array => {
    const name = nameOf(sha256)
    const path = join(folder, name)
    if (!existsSync(path)) throw new BlobUnreadable('blob_missing', sha256)
    const bytes = opened(readFileSync(path), contentKey, name)
    if (bytes === null || sha256Hex(bytes) !== sha256) throw new BlobUnreadable('blob_damaged', sha256)
    return bytes
  }
  const isWhole = (sha256: string): boolean => {
    try {
      read(sha256)
      return true
    } catch (thrown) {
      if (thrown instanceof BlobUnreadable) return false
      throw thrown
    }
  }
  return {
    read,
    isWhole,
    put: async (bytes) => {
      const sha256 = sha256Hex(bytes)
      const name = nameOf(sha256)
      if (!isWhole(sha256)) await replaceFile(disk, join(folder, name), sealed(bytes, contentKey, name))
      return sha256
    },
    collect: async (kept) => {
      const names = new Set([...kept].map(nameOf))
      // A file that a loss of power left half written is nobody's either.
      const found = (await readdir(folder).catch(() => [])).filter((name) => !names.has(name))
      for (const name of found) await disk.remove(join(folder, name))
      return found.filter((name) => NAME.test(name)).length
    },
  }
}

/** The name is sealed in: a file in another's place is none. */
function sealed(bytes: Uint8Array, key: Uint8Array, name: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(name))
  const body = Buffer.concat([cipher.update(bytes), cipher.final()])
  return Buffer.concat([MAGIC, nonce, cipher.getAuthTag(), body])
}

/** Null for what was not sealed so. */
function opened(file: Buffer, key: Uint8Array, name: string): Uint8Array | null {
  const head = MAGIC.length + NONCE_BYTES + TAG_BYTES
  if (file.length < head || !file.subarray(0, MAGIC.length).equals(MAGIC)) return null
  const nonce = file.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES)
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(name))
  cipher.setAuthTag(file.subarray(MAGIC.length + NONCE_BYTES, head))
  try {
    return Buffer.concat([cipher.update(file.subarray(head)), cipher.final()])
  } catch {
    return null // The tag does not fit: what was changed is told apart from nothing else by node:crypto.
  }
}
