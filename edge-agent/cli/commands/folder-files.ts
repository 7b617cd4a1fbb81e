/** A bundle's folder as files in memory, and back: written whole, never over something else. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'
import type { FolderFiles } from '../../../rollout/bundle/folder.ts'
import { CARD_FILE, readCard } from '../../../rollout/bundle/release-facts.ts'
import { BundleUnfit } from '../../../rollout/bundle/unfit.ts'
import { MANIFEST_FILE, RELEASE_FILE } from '../../../rollout/bundle/unsigned-files.ts'
import { StarlingError } from '../../../shared/errors.ts'
import { replaceFolder } from '../../../shared/whole-folder.ts'
import { SCHEMA_STEPS_FILE } from '../../../shared/wire/schema-steps.ts'
import { tryOutSchema } from '../../schema/try-out.ts'

/** The folder cannot be read or written, or holds nothing. */
export class FolderRefused extends StarlingError {
  override readonly code = 'folder_refused'
}

/** Every file under `folder`, by its path inside with forward slashes. Throws {@link FolderRefused}. */
export function readFolder(folder: string): FolderFiles {
  const files = new Map<string, Uint8Array>()
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files.set(relative(folder, path).split(sep).join('/'), readFileSync(path))
    }
  } catch (cause) {
    throw refused(`${folder} cannot be read: ${(cause as Error).message}`, cause)
  }
  if (files.size === 0) throw refused(`${folder} holds no files`)
  return files
}

/**
 * A source folder, whole: its card under another version where one is asked for, and of schema steps what trying them shows.
 * A built folder as it is. Throws {@link FolderRefused} and `BundleUnfit`.
 */
export async function readSource(folder: string, asVersion?: string): Promise<FolderFiles> {
  const files = new Map(readFolder(folder))
  if (files.has(MANIFEST_FILE)) {
    if (asVersion === undefined) return files
    throw new BundleUnfit('bundle_refused', 'a built bundle keeps the version under which it was built')
  }
  const card = files.get(CARD_FILE)
  const value = card === undefined ? null : jsonOf(card)
  if (value === null) return files // What publishes or builds it says what is wrong with it.
  if (asVersion !== undefined) files.set(CARD_FILE, json({ ...(value as object), version: asVersion }))
  const steps = files.get(SCHEMA_STEPS_FILE)
  const isSchema = (value as { readonly kind?: unknown }).kind === 'schema'
  if (!isSchema || steps === undefined || files.has(RELEASE_FILE)) return files
  const { facts, golden } = await tryOutSchema(steps, readCard(value).card.licence)
  files.set(RELEASE_FILE, json(facts))
  if (!files.has('golden.json')) files.set('golden.json', json(golden))
  return files
}

/** Writes a built bundle in place of an older one and of nothing else. Throws {@link FolderRefused}. */
export function writeBundleFolder(folder: string, files: FolderFiles): void {
  const target = resolve(folder)
  if (existsSync(target) && !isReplaceable(target))
    throw refused(`${target} holds something that is no bundle`)
  try {
    replaceFolder(target, files)
  } catch (cause) {
    throw refused(`${target} cannot be written: ${(cause as Error).message}`, cause)
  }
}

/** Puts files into a folder that is there, in place of those of the same name. */
export function writeInto(folder: string, files: FolderFiles): void {
  for (const [path, bytes] of files) writeFileSync(join(folder, path), bytes)
}

/** What a folder is called when nobody says: its own name, as a bundle may be called. */
export function nameOf(folder: string): string {
  return basename(resolve(folder))
    .toLowerCase()
    .replace(/\.(?:domain|bundle)$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
}

function isReplaceable(folder: string): boolean {
  const names = readdirSync(folder)
  return names.length === 0 || names.includes(MANIFEST_FILE)
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`)
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null // Whoever opens the folder says so.
  }
}

function refused(why: string, cause?: unknown): FolderRefused {
  return new FolderRefused(why, {
    remedy: 'Give the folder of a model or a domain, with its card.json; write into a new or empty one.',
    cause,
  })
}
