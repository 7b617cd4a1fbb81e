/** One repository's state seen by two clients, ours and tuf-js, each with a folder of its own. */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { BaseFetcher, Updater as TheirUpdater } from 'tuf-js'
import { DownloadHTTPError } from 'tuf-js/dist/error.js'
import { realDisk, type Disk } from '../../../edge-agent/models-store/disk.ts'
import { MetadataFolder } from '../../../edge-agent/tuf/metadata-folder.ts'
import { TargetFolder } from '../../../edge-agent/tuf/target-folder.ts'
import { Updater } from '../../../edge-agent/tuf/updater.ts'
import { findServed, memorySource } from '../../support/tuf-memory-source.ts'
import type { TestRepository } from '../../support/tuf-repository.ts'

/** Nobody cuts the power here, and thousands of syncs would take minutes. */
const UNSYNCED: Disk = { ...realDisk, sync: () => Promise.resolve() }

/** What a client made of a repository: a line a step, `refresh ok`, `get a/x ok`, or `… refused: why`. */
export interface Seen {
  readonly steps: readonly string[]
  /** File name to content of what it now trusts. */
  readonly trusted: ReadonlyMap<string, string>
}

export class TwoClients {
  readonly #folder: string
  readonly #repository: TestRepository

  constructor(folder: string, repository: TestRepository) {
    this.#folder = folder
    this.#repository = repository
  }

  async init(root: Uint8Array): Promise<void> {
    for (const who of ['ours', 'theirs']) {
      await mkdir(join(this.#folder, who, 'targets'), { recursive: true })
      await mkdir(join(this.#folder, who, 'metadata'), { recursive: true })
      await writeFile(join(this.#folder, who, 'metadata', 'root.json'), root)
    }
  }

  async ours(paths: readonly string[]): Promise<Seen> {
    const folder = join(this.#folder, 'ours')
    const targets = new TargetFolder(join(folder, 'targets'))
    const opened = await attempt('refresh', async () =>
      Updater.refreshed(
        memorySource(this.#repository),
        new MetadataFolder(join(folder, 'metadata'), UNSYNCED),
        Date.now(),
      ),
    )
    const steps = [opened.line]
    for (const path of opened.value === undefined ? [] : paths) {
      const got = await attempt(`get ${path}`, async () => {
        const found = await opened.value?.find(path)
        if (found === undefined || opened.value === undefined) throw new Error('not there')
        if (!(await targets.holds(found))) await targets.take(found, opened.value.fetch(found))
      })
      steps.push(got.line)
    }
    return { steps, trusted: await contents(join(folder, 'metadata')) }
  }

  async theirs(paths: readonly string[]): Promise<Seen> {
    const folder = join(this.#folder, 'theirs')
    const fetcher = new MemoryFetcher((name) => findServed(this.#repository, name))
    const base = { metadataDir: join(folder, 'metadata'), targetDir: join(folder, 'targets'), fetcher }
    const opened = await attempt('refresh', async () => {
      const updater = new TheirUpdater({
        ...base,
        metadataBaseUrl: 'http://x/metadata',
        targetBaseUrl: 'http://x/targets',
      })
      await updater.refresh()
      return updater
    })
    const steps = [opened.line]
    for (const path of opened.value === undefined ? [] : paths) {
      const got = await attempt(`get ${path}`, async () => {
        const found = await opened.value?.getTargetInfo(path)
        if (found === undefined || opened.value === undefined) throw new Error('not there')
        if ((await opened.value.findCachedTarget(found)) === undefined)
          await opened.value.downloadTarget(found)
      })
      steps.push(got.line)
    }
    return { steps, trusted: await contents(join(folder, 'metadata')) }
  }
}

class MemoryFetcher extends BaseFetcher {
  readonly #find: (name: string) => Uint8Array | undefined

  constructor(find: (name: string) => Uint8Array | undefined) {
    super()
    this.#find = find
  }

  override fetch(url: string): Promise<NodeJS.ReadableStream> {
    const bytes = this.#find(new URL(url).pathname.slice(1))
    if (bytes === undefined) return Promise.reject(new DownloadHTTPError('Failed to download', 404))
    return Promise.resolve(Readable.from(bytes.length === 0 ? [] : [Buffer.from(bytes)]))
  }
}

async function attempt<T>(what: string, run: () => Promise<T>): Promise<{ line: string; value?: T }> {
  try {
    return { line: `${what} ok`, value: await run() }
  } catch (thrown) {
    return { line: `${what} refused: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(folder)).sort()
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  )
}
