/** The demonstration's stage: a centre and a device of its own, which can be stopped, killed and started again at will. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../../shared/package-root.ts'
import { openHome, type Home } from '../../home.ts'
import type { AgentStatus } from '../../local-api/status.ts'
import { agentClient, type AgentClient } from '../agent-client.ts'
import { issueToken } from '../operator.ts'
import { startEdge, startHub, type StartedEdge, type StartedHub } from '../parts.ts'

const LOOK_EVERY_MS = 100
const WAIT_AT_MOST_MS = 30_000

export class Stage {
  readonly root: string
  readonly home: Home
  readonly signal: AbortSignal
  #token: string | null = null
  readonly #log: (line: string) => void
  #hub: StartedHub | null = null
  #edge: StartedEdge | null = null
  #ports = { port: 0, natsPort: 0, leafPort: 0 }

  constructor(options: { readonly signal: AbortSignal; readonly bin: string; onLog(line: string): void }) {
    this.root = mkdtempSync(join(tmpdir(), 'starling-demo-'))
    // nats-server, where Starling had to fetch one, is shared with every other folder.
    this.home = { ...openHome({ data: this.root, env: {} }), bin: options.bin }
    this.signal = options.signal
    this.#log = (line) => options.onLog(line)
  }

  get hub(): StartedHub {
    if (this.#hub === null) throw new Error('the centre is not on the stage')
    return this.#hub
  }

  get edge(): StartedEdge {
    if (this.#edge === null) throw new Error('the device is not on the stage')
    return this.#edge
  }

  get agent(): AgentClient {
    return agentClient(this.edge.run.http)
  }

  async startCentre(): Promise<void> {
    this.#hub = await startHub(this.#start(this.home), { ...this.#ports, sampleData: true })
    // The same addresses when it comes back: devices know them.
    this.#ports = { port: portOf(this.#hub.run.http), natsPort: 0, leafPort: portOf(this.#hub.run.leaf) }
  }

  async stopCentre(): Promise<void> {
    await this.#hub?.part.stop()
    this.#hub = null
  }

  /** The one-time token that the device was enrolled with. */
  get token(): string | null {
    return this.#token
  }

  async startDevice(): Promise<void> {
    const names = { device: 'demo-1', site: 'demo-site' }
    const isNew = this.#token === null
    this.#token ??= await issueToken(this.hub.run, names)
    this.#edge = await startEdge(this.#start(this.home), {
      ...names,
      hub: this.#hub?.run.http ?? null,
      leafUrl: this.#hub?.run.leaf ?? null,
      port: 0,
      leafPort: 0,
      token: isNew ? this.#token : null,
    })
  }

  /** A second device, on a folder of its own; the caller stops it. */
  async startSecond(): Promise<StartedEdge> {
    const names = { device: 'demo-2', site: 'demo-site-two' }
    const home = { ...openHome({ data: join(this.root, 'second'), env: {} }), bin: this.home.bin }
    const token = await issueToken(this.hub.run, names)
    return await startEdge(this.#start(home), {
      ...names,
      hub: this.hub.run.http,
      leafUrl: this.hub.run.leaf,
      port: 0,
      leafPort: 0,
      token,
    })
  }

  async killDevice(): Promise<void> {
    process.kill(this.edge.part.pid, 'SIGKILL')
    await this.edge.part.gone
  }

  async stopDevice(): Promise<void> {
    await this.#edge?.part.stop()
  }

  async status(): Promise<AgentStatus> {
    return (await this.agent.get('/v1/status')) as unknown as AgentStatus
  }

  /** Looks again and again until `holds`; the last look is returned, whether it does or not. */
  async until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
    const deadline = performance.now() + WAIT_AT_MOST_MS
    for (;;) {
      const seen = await look()
      if (holds(seen) || performance.now() > deadline) return seen
      this.signal.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }

  async close(): Promise<void> {
    await this.#edge?.part.stop()
    await this.#hub?.part.stop()
    rmSync(this.root, { recursive: true, force: true })
  }

  #start(home: Home): Parameters<typeof startHub>[0] {
    return { home, signal: this.signal, onLog: (line) => this.#log(line) }
  }
}

/** A recording that comes with the demonstration. */
export function recording(name: string): Uint8Array {
  return readFileSync(new URL(`edge-agent/cli/demo/audio/${name}.wav`, packageRoot()))
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
