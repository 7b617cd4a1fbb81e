/** A built domain as a folder: written whole, in place of an older build of a domain and of nothing else. */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { StarlingError } from '../../shared/errors.ts'
import { replaceFolder } from '../../shared/whole-folder.ts'

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
  try {
    replaceFolder(target, files)
  } catch (cause) {
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
