/** A domain ready to be opened: built when its file is met for the first time, and kept for the next. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/digest.ts'
import { readDomainFile } from '../grammar/domain-file.ts'
import { buildDomain, SEED, type BuildRun } from './build.ts'
import { writeBuiltFolder } from './built-folder.ts'

export interface PreparedDomain {
  readonly name: string
  /** The folder's own name: which content of which domain it is. */
  readonly id: string
  readonly folder: string
}

/** Builds go under `cache`, by what is in the file. Throws DomainRefused. */
export async function prepareDomain(path: string, cache: string, run: BuildRun): Promise<PreparedDomain> {
  const { name } = readDomainFile(path)
  const digest = sha256Hex(Buffer.concat([Buffer.from(`${SEED} ${name} `), readFileSync(path)]))
  const id = `${name}-${digest.slice(0, 16)}`
  const folder = join(cache, id)
  if (!existsSync(join(folder, 'card.json'))) {
    run.onProgress(`${name} is met for the first time: building it`)
    const built = await buildDomain(path, run)
    writeBuiltFolder(folder, built.files)
  }
  return { name, id, folder }
}
