/** The metadata that a device trusts, each file byte for byte as it was received, replaced whole or not at all. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { metadataName } from '../../rollout/tuf/file-names.ts'
import { realDisk, replaceFile, type Disk } from '../models-store/disk.ts'

export class MetadataFolder {
  readonly #path: string
  readonly #disk: Disk

  constructor(path: string, disk: Disk = realDisk) {
    this.#path = path
    this.#disk = disk
  }

  /** The bytes last stored for a role; undefined when there are none. */
  async read(role: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#fileOf(role))
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw thrown
    }
  }

  async write(role: string, bytes: Uint8Array): Promise<void> {
    await replaceFile(this.#disk, this.#fileOf(role), bytes)
  }

  #fileOf(role: string): string {
    return join(this.#path, metadataName(role, undefined))
  }
}
