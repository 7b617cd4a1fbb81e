/** Makes a new data folder from the shipped template: initdb would take seconds and 700 MB of memory. */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DiskFull, TemplateDamaged } from '../errors.ts'
import { isNoSpace } from '../no-space.ts'
import { inParallel, syncFolder } from '../recovery/durable.ts'
import { unpack } from './archive.ts'
import { TEMPLATE_FILE, TEMPLATE_SHA256 } from './digest.ts'

const REMEDY = 'Restore it from the release, or make it anew: node dist/shared/sql/template/make-template.js'

/** Compiled code lies in `dist/`; the template stays with its source, which every installation carries. */
export function templatePath(): string {
  const inDist = import.meta.url.endsWith('.js')
  return fileURLToPath(
    new URL(`${inDist ? '../../../../shared/sql/template/' : './'}${TEMPLATE_FILE}`, import.meta.url),
  )
}

/** Makes `dataDir` whole or not at all: it is filled aside, synced, then renamed. What an earlier crash left aside is removed. */
export async function placeTemplate(dataDir: string, path: string = templatePath()): Promise<void> {
  const parent = dirname(dataDir)
  const prefix = `${basename(dataDir)}.unpacking-`
  for (const name of await readdir(parent))
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true })
  const aside = join(parent, `${prefix}${String(process.pid)}`)
  try {
    await fill(aside, await verified(path))
    await rename(aside, dataDir)
    await syncFolder(parent)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    throw isNoSpace(error) ? new DiskFull(parent, 'not-applied', error) : error
  }
}

/** What a cluster is made with and Starling never changes: settings are given at each start, not written there. */
const CONSTANT = /(^|\/)PG_VERSION$|^[a-z_.]+\.conf$/

/** Puts back what of `dataDir` is the same in every database of this version and was lost or changed. */
export async function mendConstants(dataDir: string, path: string = templatePath()): Promise<void> {
  const { folders, files } = unpack(await verified(path))
  for (const folder of folders) await mkdir(join(dataDir, folder), { recursive: true, mode: 0o700 })
  for (const { path: name, content } of files) {
    if (!CONSTANT.test(name)) continue
    const found = await readFile(join(dataDir, name)).catch(() => null)
    if (found?.equals(content) === true) continue
    await rm(join(dataDir, name), { recursive: true, force: true })
    await writeSynced(join(dataDir, name), content)
  }
}

async function verified(path: string): Promise<Uint8Array> {
  let packed: Uint8Array
  try {
    packed = await readFile(path)
  } catch (error) {
    throw new TemplateDamaged(`the database template ${path} is missing`, { remedy: REMEDY, cause: error })
  }
  if (createHash('sha256').update(packed).digest('hex') !== TEMPLATE_SHA256)
    throw new TemplateDamaged(`the database template ${path} does not match its digest`, { remedy: REMEDY })
  return packed
}

async function fill(dir: string, packed: Uint8Array): Promise<void> {
  const { folders, files } = unpack(packed)
  await mkdir(dir, { mode: 0o700 })
  for (const folder of folders) await mkdir(join(dir, folder), { mode: 0o700 })
  await inParallel(files, ({ path, content }) => writeSynced(join(dir, path), content))
  await inParallel([...folders, ''], (folder) => syncFolder(join(dir, folder)))
}

async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}
