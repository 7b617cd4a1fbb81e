/** A bundle's files from folders on this machine's disk. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { versionOf, type FolderFiles } from '../../rollout/bundle/folder.ts'

/** What is to be published: a source folder's files or a built bundle's, as `rollout/bundle/folder.ts` takes them. */
export interface BundleSource {
  readonly name: string
  readonly version: string
  readonly files: FolderFiles
  /** Only devices for which an operator chooses it take it: a candidate, not yet everybody's. */
  readonly held?: boolean
}

/** A folder whose files go in (or `only` these of them), each under a prefix ('' for none). */
export interface SourceFolder {
  readonly path: string
  readonly prefix: string
  readonly only?: readonly string[]
}

/** Reads everything into memory once: what one release may hold. Throws `BundleUnfit` without a card that says a version. */
export async function sourceOf(name: string, folders: readonly SourceFolder[]): Promise<BundleSource> {
  const files = new Map<string, Uint8Array>()
  for (const { path: folder, prefix, only } of folders)
    for (const path of await filesUnder(folder)) {
      if (only !== undefined && !only.includes(relative(folder, path))) continue
      files.set(prefix + relative(folder, path).split(sep).join('/'), await readFile(path))
    }
  return { name, version: versionOf(files), files }
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
