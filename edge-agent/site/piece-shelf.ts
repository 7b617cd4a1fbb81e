/** Pieces on the disk under their own digest, each held against it when it is read; the least lately used go when there are too many. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/digest.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'
import { nullIfUnreadable } from '../models-store/disk-trouble.ts'

export class PieceShelf {
  readonly #folder: string
  readonly #disk: Disk
  readonly #maxBytes: number
  /** Sizes by digest, least lately used first. */
  readonly #held: Map<string, number>

  private constructor(folder: string, disk: Disk, maxBytes: number, held: Map<string, number>) {
    this.#folder = folder
    this.#disk = disk
    this.#maxBytes = maxBytes
    this.#held = held
  }

  static async open(folder: string, disk: Disk, maxBytes: number): Promise<PieceShelf> {
    await disk.makeFolder(folder)
    const found = []
    for (const name of await readdir(folder)) {
      const facts = /^[0-9a-f]{64}$/.test(name)
        ? await stat(join(folder, name)).catch(nullIfUnreadable)
        : null
      if (facts !== null) found.push({ name, size: facts.size, mtimeMs: facts.mtimeMs })
    }
    const oldestFirst = found.toSorted((a, b) => a.mtimeMs - b.mtimeMs)
    return new PieceShelf(folder, disk, maxBytes, new Map(oldestFirst.map(({ name, size }) => [name, size])))
  }

  /** Null for a piece that is not here, or no longer what it was. Throws {@link MachineExhausted}, and keeps it. */
  async find(digest: string): Promise<Uint8Array | null> {
    if (!this.#held.has(digest)) return null
    const bytes = await readFile(join(this.#folder, digest)).catch(nullIfUnreadable)
    if (bytes !== null && sha256Hex(bytes) === digest) {
      this.#touch(digest, bytes.length)
      return bytes
    }
    await this.#drop(digest)
    return null
  }

  async keep(digest: string, bytes: Uint8Array): Promise<void> {
    this.#touch(digest, bytes.length)
    for (const oldest of this.#overflow()) await this.#drop(oldest)
    try {
      await replaceFile(this.#disk, join(this.#folder, digest), bytes)
    } catch (thrown) {
      this.#held.delete(digest)
      throw thrown
    }
  }

  #touch(digest: string, sizeBytes: number): void {
    this.#held.delete(digest)
    this.#held.set(digest, sizeBytes)
  }

  async #drop(digest: string): Promise<void> {
    this.#held.delete(digest)
    await this.#disk.remove(join(this.#folder, digest))
  }

  /** What has to go; the newest stays. */
  #overflow(): readonly string[] {
    let sumBytes = [...this.#held.values()].reduce((all, size) => all + size, 0)
    const gone: string[] = []
    for (const [digest, size] of this.#held) {
      if (sumBytes <= this.#maxBytes || gone.length === this.#held.size - 1) break
      gone.push(digest)
      sumBytes -= size
    }
    return gone
  }
}
