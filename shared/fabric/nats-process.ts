/**
 * One nats-server as a child: started on a written configuration, waited for, restarted when it ends by itself, stopped with
 * its owner.
 *
 * An owner that is killed cannot stop its child, and nats-server does not watch its parent. So a shell waits on a pipe that
 * only the owner holds open, and ends the server when that pipe closes; and a start first ends whatever server a pid
 * file names, if that process really runs our configuration: a machine that lost the watcher too still gets one server a folder.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { NatsServerFailed } from './errors.ts'

/** Seen: 20 to 50 ms. A store of many gigabytes is read first. */
const READY_WITHIN_MS = 30_000
/** JetStream writes its files on SIGTERM; what is not acknowledged by then is sent again anyway. */
const STOP_WITHIN_MS = 5_000
/** Seen: 10 ms. */
const RELOADED_WITHIN_MS = 5_000
const FIRST_RESTART_MS = 100
const LAST_RESTART_MS = 5_000
/** More unasked-for ends than this within {@link CRASH_WINDOW_MS} mean that the next start fails too. */
const MAX_CRASHES = 20
const CRASH_WINDOW_MS = 60_000
/** After its disk was full, nats-server keeps JetStream off until it is started again. */
const STORAGE_RETRY_MS = 1_000
const KEPT_LINES = 5
/** What an ended server wrote is read after it: this long, should somebody else hold its end of the pipe. */
const LAST_WORDS_MS = 1_000

export type NatsProcessEvent =
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ended'; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  /** The store failed (a full disk): the server is started again until it holds. */
  | { readonly kind: 'storage_lost'; readonly text: string }
  /** It will not be started again. */
  | { readonly kind: 'given_up'; readonly error: NatsServerFailed }

export interface NatsProcessOptions {
  readonly name: string
  readonly binary: string
  /** Holds the configuration and the pid file; made when missing. */
  readonly dir: string
  /** The configuration's text; holds no `pid_file`. */
  readonly config: string
  onEvent(event: NatsProcessEvent): void
  readonly signal: AbortSignal
}

export interface NatsProcess {
  /** Null between an end and the next start. */
  pid(): number | null
  /** Writes a new configuration and starts the server anew with it: 20 to 50 ms, and clients reconnect. */
  restart(config: string): Promise<void>
  /** Writes a new configuration and has the running server take it up: connections stay. Throws {@link NatsServerFailed}. */
  reload(config: string): Promise<void>
  /** Kills a server that hangs; it is started again like after any other end. */
  revive(): void
  /** Resolves when it is gone. Idempotent. */
  stop(): Promise<void>
}

/** Starts the server and waits until it says that it is ready. Throws {@link NatsServerFailed} with its last words. */
export async function startNatsServer(options: NatsProcessOptions): Promise<NatsProcess> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const files = filesOf(options.dir)
  await endStale(files)
  const supervisor = new Supervisor(options, files)
  await supervisor.start(options.config)
  return {
    pid: () => supervisor.pid,
    restart: async (config) => supervisor.restart(config),
    reload: async (config) => supervisor.reload(config),
    revive: () => supervisor.revive(),
    stop: async () => supervisor.stop(),
  }
}

/** Ends the server that a killed owner has left on `dir`: to be called before its ports are chosen, which it still holds. */
export async function endStaleServer(dir: string): Promise<void> {
  await endStale(filesOf(dir))
}

function filesOf(dir: string): Files {
  return { config: join(dir, 'nats-server.conf'), pid: join(dir, 'nats-server.pid') }
}

interface Files {
  readonly config: string
  readonly pid: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<void>
}

class Supervisor {
  readonly #options: NatsProcessOptions
  readonly #files: Files
  readonly #stopping = new AbortController()
  #running: Running | null = null
  #crashes: number[] = []
  #isReplacing = false
  #heard: (text: string) => void = () => undefined

  constructor(options: NatsProcessOptions, files: Files) {
    this.#options = options
    this.#files = files
  }

  get pid(): number | null {
    return this.#running?.child.pid ?? null
  }

  async start(config: string): Promise<void> {
    this.#options.signal.throwIfAborted()
    this.#write(config)
    await this.#launch()
  }

  async reload(config: string): Promise<void> {
    this.#write(config)
    const running = this.#running
    // Between an end and the next start: the next start reads the file.
    if (running === null) return
    const said = new Promise<string>((resolve) => {
      this.#heard = (text) => {
        if (/^(?:Reloaded|Failed to reload) server configuration/.test(text)) resolve(text)
      }
    })
    running.child.kill('SIGHUP')
    const limit = AbortSignal.timeout(RELOADED_WITHIN_MS)
    const outcome = await Promise.race([said, running.ended.then(() => 'ended'), aborted(limit)])
    if (!outcome.startsWith('Reloaded') && outcome !== 'ended') throw failed(this.#options.name, outcome)
  }

  async restart(config: string): Promise<void> {
    this.#isReplacing = true
    try {
      await this.#end()
      await this.start(config)
    } finally {
      this.#isReplacing = false
    }
  }

  #write(config: string): void {
    const text = `${config}\npid_file: ${JSON.stringify(this.#files.pid)}\n`
    writeFileSync(this.#files.config, text, { mode: 0o600 })
  }

  revive(): void {
    this.#running?.child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#end()
    rmSync(this.#files.pid, { force: true })
  }

  async #end(): Promise<void> {
    const running = this.#running
    if (running === null) return
    running.child.kill('SIGTERM')
    const timer = setTimeout(() => running.child.kill('SIGKILL'), STOP_WITHIN_MS)
    await running.ended
    clearTimeout(timer)
  }

  async #launch(): Promise<void> {
    const child = spawn(this.#options.binary, ['-c', this.#files.config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Its own group: Ctrl-C reaches the owner alone, which then stops its parts in order.
      detached: true,
    })
    const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
      child.once('error', () => resolve({ code: null, signal: null }))
    })
    const watcher = watchOwner(child, this.#files.config)
    const running: Running = { child, ended: closed.then(() => undefined) }
    this.#running = running
    const last: string[] = []
    const lines = createInterface({ input: child.stderr })
    const silent = new Promise<void>((resolve) => lines.once('close', resolve))
    const ready = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        const event = this.#read(line, child)
        if (event.kind === 'log' && event.text === 'Server is ready') resolve()
        this.#heard(event.text)
        last.push(event.text)
        if (last.length > KEPT_LINES) last.shift()
        this.#options.onEvent(event)
      })
    })
    const tidied = closed.then((end) => {
      watcher.kill('SIGKILL')
      if (this.#running === running) this.#running = null
      this.#options.onEvent({ kind: 'ended', ...end })
      return undefined
    })
    const limit = AbortSignal.any([this.#options.signal, AbortSignal.timeout(READY_WITHIN_MS)])
    const outcome = await Promise.race([
      ready.then(() => 'ready' as const),
      closed.then(() => 'ended' as const),
      aborted(limit),
    ])
    if (outcome !== 'ready') {
      child.kill('SIGKILL')
      await running.ended
      await Promise.race([silent, delay(LAST_WORDS_MS, undefined, { ref: false })])
      this.#options.signal.throwIfAborted()
      throw failed(this.#options.name, outcome === 'late' ? 'it was not ready in time' : last.join(' | '))
    }
    this.#options.onEvent({ kind: 'started', pid: child.pid ?? -1 })
    void tidied.then(async () => this.#again())
  }

  /** After an end that nobody asked for. Never rejects: giving up is an event. */
  async #again(): Promise<void> {
    while (!this.#stopping.signal.aborted && !this.#isReplacing) {
      const now = performance.now()
      this.#crashes = [...this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS), now]
      const count = this.#crashes.length
      if (count > MAX_CRASHES) {
        this.#options.onEvent({
          kind: 'given_up',
          error: failed(this.#options.name, `it ended ${count} times within a minute`),
        })
        return
      }
      const pause = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** (count - 1))
      try {
        await delay(pause, undefined, { signal: this.#stopping.signal })
        await this.#launch()
        return
      } catch (thrown) {
        if (this.#stopping.signal.aborted) return
        const text = thrown instanceof Error ? thrown.message : String(thrown)
        this.#options.onEvent({ kind: 'log', level: 'error', text })
      }
    }
  }

  #read(line: string, child: ChildProcess): Extract<NatsProcessEvent, { text: string }> {
    const match = /\[(INF|WRN|ERR|FTL|DBG|TRC)\] (.*)$/.exec(line)
    const [, mark = 'INF', text = line] = match ?? []
    if (
      /JetStream .*(?:DISABLED|disabled)|jetstream out of (?:space|resources)/i.test(text) &&
      mark !== 'INF'
    ) {
      setTimeout(() => child.kill('SIGTERM'), STORAGE_RETRY_MS).unref()
      return { kind: 'storage_lost', text }
    }
    const level = mark === 'ERR' || mark === 'FTL' ? 'error' : mark === 'WRN' ? 'warn' : 'info'
    return { kind: 'log', level, text }
  }
}

/**
 * A shell that ends the server when the pipe to its standard input closes, which the kernel does when this process is gone,
 * however it went. It checks the command line first, so that a reused pid is left alone.
 */
function watchOwner(server: ChildProcess, config: string): ChildProcess {
  // A server whose store hangs does not hear SIGTERM.
  const ours = '{ [ ! -r "/proc/$1/cmdline" ] || grep -qF -- "$2" "/proc/$1/cmdline"; }'
  const script =
    `trap "" INT HUP TERM; cat >/dev/null; ${ours} && kill -TERM "$1" || exit 0; ` +
    `for i in 1 2 3 4 5; do sleep 1; kill -0 "$1" 2>/dev/null || exit 0; done; ${ours} && kill -KILL "$1"`
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(server.pid ?? 0), config], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  watcher.once('error', () => undefined) // No shell: the pid file alone has to do.
  watcher.stdin.once('error', () => undefined)
  return watcher
}

/** Ends the server of an owner that was killed, if it still runs our configuration. */
async function endStale(files: Files): Promise<void> {
  const pid = stalePid(files)
  if (pid === null) return
  for (const [signal, withinMs] of [
    ['SIGTERM', STOP_WITHIN_MS],
    ['SIGKILL', STOP_WITHIN_MS],
  ] as const) {
    kill(pid, signal)
    const until = performance.now() + withinMs
    while (performance.now() < until) {
      if (stalePid(files) !== pid) return
      await delay(20)
    }
  }
  throw failed('nats-server', `process ${pid} holds ${files.config} and cannot be ended`)
}

function stalePid(files: Files): number | null {
  try {
    const pid = Number(readFileSync(files.pid, 'utf8').trim())
    if (!Number.isInteger(pid) || pid <= 1) return null
    process.kill(pid, 0)
    return isOurs(pid, files.config) ? pid : null
  } catch {
    return null // No pid file, or nobody has that pid: nothing to end.
  }
}

function isOurs(pid: number, config: string): boolean {
  try {
    // An ended process that nobody has collected yet has an empty command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(config)
  } catch {
    return false // Without /proc nothing proves that the pid is ours, and a stranger is never ended.
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal.
  }
}

function aborted(signal: AbortSignal): Promise<'late'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('late')
    else signal.addEventListener('abort', () => resolve('late'), { once: true })
  })
}

function failed(name: string, why: string): NatsServerFailed {
  return new NatsServerFailed(`the ${name} nats-server does not run: ${why}`, {
    remedy: 'Check free disk space and that no other program holds its port, then start again.',
  })
}
