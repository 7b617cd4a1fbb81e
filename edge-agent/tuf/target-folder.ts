/** Verified targets on the disk, each under its percent-encoded path; what does not verify never gets its name. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileName } from '../../rollout/tuf/file-names.ts'
import type { TargetFile } from '../../rollout/tuf/metadata.ts'
import { TufRefused } from '../../rollout/tuf/refused.ts'
import { checkHashes, HASH_ALGORITHMS, type HashAlgorithm } from '../../rollout/tuf/trust.ts'

export class TargetFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** True when the bytes that are listed already lie here. */
  async holds(target: TargetFile): Promise<boolean> {
    const check = new TargetCheck(target)
    try {
      for await (const chunk of createReadStream(this.#fileOf(target)) as AsyncIterable<Buffer>)
        check.take(chunk)
      check.finish()
      return true
    } catch (thrown) {
      if (thrown instanceof TufRefused || (thrown as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw thrown
    }
  }

  /** Writes the bytes beside, checks them, and only then gives them their name. Throws {@link TufRefused}. */
  async take(target: TargetFile, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const check = new TargetCheck(target)
    await mkdir(this.#path, { recursive: true })
    const partial = join(
      this.#path,
      `.${createHash('sha256').update(target.path).digest('hex').slice(0, 16)}.part`,
    )
    const file = await open(partial, 'w', 0o600)
    try {
      try {
        for await (const chunk of chunks) {
          check.take(chunk)
          await file.writeFile(chunk)
        }
        check.finish()
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(partial, this.#fileOf(target))
    } catch (thrown) {
      await rm(partial, { force: true })
      throw thrown
    }
    return this.#fileOf(target)
  }

  #fileOf(target: TargetFile): string {
    return join(this.#path, fileName(target.path))
  }
}

/** Length and every listed hash of bytes that come piece by piece. */
class TargetCheck {
  readonly #target: TargetFile
  /** Only those that are listed: a large model is hashed once, not twice. */
  readonly #digests: ReadonlyMap<HashAlgorithm, Hash>
  #lengthBytes = 0

  constructor(target: TargetFile) {
    this.#target = target
    const listed = HASH_ALGORITHMS.filter((algorithm) => target.hashes.has(algorithm))
    this.#digests = new Map(listed.map((algorithm) => [algorithm, createHash(algorithm)]))
  }

  take(chunk: Uint8Array): void {
    this.#lengthBytes += chunk.length
    if (this.#lengthBytes > this.#target.lengthBytes) throw this.#wrongLength('more')
    for (const digest of this.#digests.values()) digest.update(chunk)
  }

  finish(): void {
    if (this.#lengthBytes !== this.#target.lengthBytes) throw this.#wrongLength('fewer')
    checkHashes(
      (algorithm) => this.#digests.get(algorithm)?.digest('hex'),
      this.#target.hashes,
      this.#target.path,
    )
  }

  #wrongLength(which: 'more' | 'fewer'): TufRefused {
    const { path, lengthBytes } = this.#target
    return new TufRefused('wrong_bytes', path, `${which} than the ${lengthBytes} bytes listed`)
  }
}
