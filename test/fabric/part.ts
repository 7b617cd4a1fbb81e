/** A process of the harness: started again whenever it is gone, its JSON lines handed on. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'

export type Line = Readonly<Record<string, unknown>>

export class Part {
  readonly #entry: URL
  readonly #setup: string
  readonly #onLine: (line: Line) => void
  readonly #errors: string[] = []
  #child: ChildProcess | null = null
  #isWanted = true
  #supervised: Promise<void> = Promise.resolve()

  constructor(part: { entry: URL; setup: string; onLine: (line: Line) => void }) {
    this.#entry = part.entry
    this.#setup = part.setup
    this.#onLine = part.onLine
  }

  start(): void {
    this.#supervised = this.#supervise()
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** What it wrote to standard error, the end of it. */
  get errors(): string {
    return this.#errors.join('\n')
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  tell(text: string): void {
    this.#child?.stdin?.write(`${text}\n`)
  }

  async stop(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    child?.stdin?.end()
    const timer = setTimeout(() => child?.kill('SIGKILL'), 10_000)
    await this.#supervised
    clearTimeout(timer)
  }

  async #supervise(): Promise<void> {
    while (this.#isWanted) {
      const child = spawn(process.execPath, [fileURLToPath(this.#entry), this.#setup], {
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      this.#child = child
      child.stdin.on('error', () => undefined)
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#errors.push(line)
        if (this.#errors.length > 40) this.#errors.shift()
      })
      const lines = createInterface({ input: child.stdout })
      lines.on('line', (text) => {
        if (text.startsWith('{') && text.endsWith('}')) this.#onLine(JSON.parse(text) as Line)
      })
      await Promise.all([
        new Promise((resolve) => lines.once('close', resolve)),
        new Promise((resolve) => child.once('exit', resolve)),
      ])
      this.#child = null
      await delay(50)
    }
  }
}
