/** Serves a test's TUF repository over HTTP on loopback as a plain file server would, and notes what was asked for. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestRepository } from './tuf-repository.ts'

export class TufServer {
  /** As `role version` or `role`, in order. */
  readonly metadataRequests: string[] = []
  readonly targetRequests: string[] = []
  connections = 0
  readonly #server: Server
  readonly #repository: TestRepository

  private constructor(repository: TestRepository) {
    this.#repository = repository
    this.#server = createServer((request, response) => {
      const bytes = this.#find(request.url ?? '')
      response.setHeader('connection', 'close')
      if (bytes === undefined) response.writeHead(404).end('not found')
      else response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
    })
    this.#server.on('connection', () => (this.connections += 1))
  }

  static async started(repository: TestRepository): Promise<TufServer> {
    const server = new TufServer(repository)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get metadataUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/a%5Btest%5D/metadata/`
  }

  get targetUrl(): string {
    return this.metadataUrl.replace('/metadata/', '/targets/')
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #find(url: string): Uint8Array | undefined {
    const [, , folder, ...rest] = url.split('/')
    const name = rest.join('/')
    return folder === 'metadata' ? this.#metadata(name) : this.#target(name)
  }

  #metadata(name: string): Uint8Array | undefined {
    const [, versionText, quotedRole] = /^(?:(\d+)\.)?(.*)\.json$/.exec(name) ?? []
    if (quotedRole === undefined) return undefined
    this.metadataRequests.push(versionText === undefined ? quotedRole : `${quotedRole} ${versionText}`)
    const versions = this.#repository.published.get(decodeURIComponent(quotedRole))
    return versionText === undefined ? versions?.at(-1) : versions?.[Number(versionText) - 1]
  }

  #target(name: string): Uint8Array | undefined {
    const path = decodeURIComponent(name)
    this.targetRequests.push(path)
    const [, folder = '', hash, file] = /^(.*\/)?([0-9a-f]{64,128})\.([^/]*)$/.exec(path) ?? []
    const isConsistent = this.#repository.document('root')['consistent_snapshot'] === true
    if (!isConsistent) return this.#repository.artifacts.get(path)
    const bytes = this.#repository.artifacts.get(`${folder}${file}`)
    // A test that swaps the bytes keeps serving them under the old name, as a bad mirror would.
    return hash === undefined || bytes === undefined ? undefined : bytes
  }
}
