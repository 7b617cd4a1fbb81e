/** A TUF repository as a folder that any file server can serve: `metadata/` and `targets/`. Versioned files are never replaced. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { metadataName, targetLocation } from '../../rollout/tuf/file-names.ts'
import { readSnapshot } from '../../rollout/tuf/metadata.ts'
import type { NewFile, RepositoryFiles } from '../../rollout/tuf/publication.ts'
import { digestHex } from '../../shared/digest.ts'
import { StarlingError } from '../../shared/errors.ts'
import { realDisk, replaceFile } from '../models-store/disk.ts'

/** A version that was published already, with other bytes: clients may hold them. */
export class VersionTaken extends StarlingError {
  override readonly code = 'version_taken'
}

/** A path that would leave the folder, or that file servers read in different ways. */
export class UnsafeTarget extends StarlingError {
  override readonly code = 'unsafe_target'
}

const SAFE_TARGET = /^[\w.-]+(?:\/[\w.-]+)*$/

export class RepositoryFolder {
  readonly #metadata: string
  readonly #targets: string

  constructor(path: string) {
    this.#metadata = join(path, 'metadata')
    this.#targets = join(path, 'targets')
  }

  /** Lays a target's bytes down under their hash: until metadata lists them, nobody asks for them. */
  async addTarget(path: string, bytes: Uint8Array): Promise<void> {
    if (!SAFE_TARGET.test(path) || path.split('/').some((part) => /^\.+$/.test(part)))
      throw new UnsafeTarget(`'${path}' is no path for a target`, {
        remedy: 'Use letters, digits, dots, dashes and underscores, in folders parted by /.',
      })
    const place = join(this.#targets, targetLocation(path, digestHex('sha256', bytes)))
    await replaceFile(realDisk, place, bytes)
  }

  /** Every root that was published, version 1 first. */
  async roots(): Promise<readonly Uint8Array[]> {
    const roots: Uint8Array[] = []
    for (;;) {
      const next = await this.#find(metadataName('root', roots.length + 1))
      if (next === undefined) return roots
      roots.push(next)
    }
  }

  /** The newest file of a targets role, whether the snapshot lists it yet or not. */
  async newest(role: string): Promise<Uint8Array | undefined> {
    const names = await readdir(this.#metadata).catch((thrown: unknown) => absent<string[]>(thrown, []))
    const version = names
      .map((name) => Number.parseInt(name, 10))
      .filter((candidate) => names.includes(metadataName(role, candidate)))
      .reduce((most, candidate) => Math.max(most, candidate), 0)
    return version === 0 ? undefined : await this.#find(metadataName(role, version))
  }

  /** What is served now, with `changed` targets roles in the place of theirs. */
  async files(root: Uint8Array, changed: ReadonlyMap<string, Uint8Array>): Promise<RepositoryFiles> {
    const timestamp = await this.#find(metadataName('timestamp', undefined))
    const snapshot = await this.newest('snapshot')
    const roles = new Map<string, Uint8Array>()
    for (const [name, { version }] of snapshot === undefined ? [] : readSnapshot(snapshot).content.meta) {
      const role = name.slice(0, -'.json'.length)
      const bytes = await this.#find(metadataName(role, version))
      if (bytes !== undefined) roles.set(role, bytes)
    }
    for (const [role, bytes] of changed) roles.set(role, bytes)
    return { root, roles, snapshot, timestamp }
  }

  /** Writes files in their order; one that is there with the same bytes is left. Throws {@link VersionTaken}. */
  async add(files: readonly NewFile[]): Promise<void> {
    for (const { name, bytes } of files) {
      const there = await this.#find(name)
      if (there !== undefined && Buffer.from(bytes).equals(there)) continue
      if (there !== undefined && name !== metadataName('timestamp', undefined))
        throw new VersionTaken(`${name} is published already, with other content`, {
          remedy: 'Prepare the document again: it gets the next version.',
        })
      await replaceFile(realDisk, join(this.#metadata, name), bytes)
    }
  }

  async #find(name: string): Promise<Uint8Array | undefined> {
    return await readFile(join(this.#metadata, name)).catch((thrown: unknown) => absent(thrown, undefined))
  }
}

function absent<T>(thrown: unknown, instead: T): T {
  if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return instead
  throw thrown
}
