/** A built domain as a folder: written whole, in place of an older build of a domain and of nothing else. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'

export class FolderRefused extends StarlingError {
  override readonly code = 'folder_refused'
}

/** Throws {@link FolderRefused} when `folder` holds something else, or cannot be written. */
export function writeBuiltFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  const target = resolve(folder)
  if (existsSync(target) && !isReplaceable(target))
    throw new FolderRefused(`${target} holds something that is no built domain`, {
      remedy: 'Name another folder with --out, or empty this one.',
    })
  const fresh = `${target}.new-${process.pid}`
  try {
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(fresh, path)), { recursive: true })
      writeFileSync(join(fresh, path), bytes)
    }
    rmSync(target, { recursive: true, force: true })
    renameSync(fresh, target)
  } catch (cause) {
    if (existsSync(fresh)) rmSync(fresh, { recursive: true, force: true })
    throw new FolderRefused(`${target} cannot be written: ${(cause as Error).message}`, {
      remedy: 'Name a folder with --out that you may write to.',
      cause,
    })
  }
}

function isReplaceable(folder: string): boolean {
  try {
    const names = readdirSync(folder)
    return names.length === 0 || ['card.json', 'domains', 'intent.onnx'].every((name) => names.includes(name))
  } catch {
    return false // A file, or a folder that may not be read.
  }
}
