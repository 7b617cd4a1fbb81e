/** The TUF command over a folder of its own, against a test's repository on a real server. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTufCommand } from '../../edge-agent/tuf/command.ts'
import { dataFolder } from './data-folder.ts'
import { TestRepository } from './tuf-repository.ts'
import { TufServer } from './tuf-server.ts'

export class TufClient {
  readonly repository: TestRepository
  readonly server: TufServer
  readonly metadataDir: string
  readonly targetDir: string
  /** What the last command said on stderr. */
  complaint = ''
  readonly #remove: () => Promise<void>

  private constructor(
    repository: TestRepository,
    server: TufServer,
    folder: { path: string; remove(): Promise<void> },
  ) {
    this.repository = repository
    this.server = server
    this.metadataDir = join(folder.path, 'metadata')
    this.targetDir = join(folder.path, 'targets')
    this.#remove = folder.remove.bind(folder)
  }

  /** A repository with its four top-level roles at version 1, and a client that was not initialised yet. */
  static async started(): Promise<TufClient> {
    const repository = new TestRepository()
    return new TufClient(repository, await TufServer.started(repository), await dataFolder('tuf'))
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.#remove()
  }

  async init(root = this.repository.published.get('root')?.[0] ?? new Uint8Array()): Promise<number> {
    const file = `${this.metadataDir}-root.json`
    await writeFile(file, root)
    return await this.#run(['--metadata-dir', this.metadataDir, 'init', file])
  }

  async refresh(nowMs = Date.now()): Promise<number> {
    return await this.#run(this.#words('refresh'), nowMs)
  }

  async download(names: string | readonly string[], nowMs = Date.now()): Promise<number> {
    const list = typeof names === 'string' ? [names] : names
    const targets = [
      ...list.flatMap((name) => ['--target-name', name]),
      '--target-dir',
      this.targetDir,
      '--target-base-url',
      this.server.targetUrl,
    ]
    return await this.#run([...targets, ...this.#words('download')], nowMs)
  }

  /** `role version` of every trusted file, sorted by file name. */
  async trusted(): Promise<readonly string[]> {
    const names = (await readdir(this.metadataDir)).filter((name) => name.endsWith('.json')).sort()
    return await Promise.all(
      names.map(async (name) => {
        const file = JSON.parse(await readFile(join(this.metadataDir, name), 'utf8')) as {
          signed: { version: number }
        }
        return `${name.slice(0, -'.json'.length)} ${file.signed.version}`
      }),
    )
  }

  async stored(role: string): Promise<Uint8Array> {
    return await readFile(join(this.metadataDir, `${role}.json`))
  }

  /** The contents of the target folder, oldest first, hidden files included. */
  async downloaded(): Promise<readonly string[]> {
    const names = await readdir(this.targetDir, { recursive: true }).catch(() => [])
    const files = await Promise.all(
      names.map(async (name) => {
        const path = join(this.targetDir, name)
        return { text: await readFile(path, 'utf8'), at: (await stat(path, { bigint: true })).mtimeNs }
      }),
    )
    return files.sort((a, b) => Number(a.at - b.at)).map(({ text }) => text)
  }

  #words(command: string): readonly string[] {
    return ['--metadata-url', this.server.metadataUrl, '--metadata-dir', this.metadataDir, command]
  }

  async #run(argv: readonly string[], nowMs = Date.now()): Promise<number> {
    const { status, complaint } = await runTufCommand(argv, nowMs)
    this.complaint = complaint
    return status
  }
}
