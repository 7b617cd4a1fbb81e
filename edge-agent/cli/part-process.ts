/**
 * One part of Starling (hub or edge) as a child process. A part prints one JSON line `{"ready":true,...}` on standard output
 * when it can be used, or `{"error":{...}}` when it cannot start; its log goes to standard error.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'

/** A first start unpacks a database and may install nats-server. */
const READY_WITHIN_MS = 180_000
/** A part that has not stopped by then is ended hard; its journal is made for that. */
const STOP_WITHIN_MS = 10_000

/**
 * Worker threads would each get a heap of glibc's own, and every heap keeps what was once freed: V8's compiler alone leaves
 * some 100 MB behind it once PostgreSQL's WebAssembly has become warm. One heap, trimmed when 128 KiB at its end are free.
 */
const FRUGAL_HEAP = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }

export class PartFailed extends StarlingError {
  override readonly code = 'part_failed'
}

export interface PartProcess {
  readonly name: string
  readonly pid: number
  /** What the ready line said. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Resolves when the process is gone, however it went. */
  readonly gone: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  stop(): Promise<void>
}

/** Starts `entry` with Node and waits for its ready line. Throws {@link PartFailed}, naming the part's own error and remedy. */
export async function startPart(part: {
  name: string
  entry: URL
  args: readonly string[]
  /** For Node itself. */
  nodeFlags?: readonly string[]
  /** Added to this process's own environment. */
  env?: NodeJS.ProcessEnv
  onLog(line: string): void
  signal: AbortSignal
}): Promise<PartProcess> {
  const child = spawn(process.execPath, [...(part.nodeFlags ?? []), part.entry.pathname, ...part.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Standard input stays open: a part whose parent was killed sees it end, and stops too.
    // Its own group: Ctrl-C reaches this process alone, which then stops the parts in order.
    detached: true,
    env: { ...FRUGAL_HEAP, ...process.env, ...part.env },
  })
  const gone = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  const stop = async (): Promise<void> => stopChild(child, gone)
  try {
    createInterface({ input: child.stderr }).on('line', (text) => part.onLog(text))
    const ready = await readyLine(part, child, gone)
    return { name: part.name, pid: child.pid ?? -1, ready, gone, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function readyLine(
  part: { readonly name: string; readonly signal: AbortSignal },
  child: ChildProcess,
  gone: Promise<unknown>,
): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = child
  if (stdout === null) throw failed(part.name, 'it has no standard output')
  const limit = AbortSignal.any([part.signal, AbortSignal.timeout(READY_WITHIN_MS)])
  const line = new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (text) => {
      const message = parseLine(text)
      if (message?.['ready'] === true) resolve(message)
      else if (message?.['error'] !== undefined) reject(relayed(part.name, message['error'] as ErrorReport))
    })
    limit.addEventListener('abort', () =>
      reject(failed(part.name, 'it was not ready in time, or was told to stop')),
    )
  })
  const early = gone.then(() => {
    throw failed(part.name, 'it ended before it was ready')
  })
  return Promise.race([line, early])
}

async function stopChild(child: ChildProcess, gone: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await gone
  clearTimeout(timer)
}

function parseLine(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null // Not a message: a part may print other lines, which are for people.
  }
}

function failed(name: string, why: string): PartFailed {
  return new PartFailed(`the ${name} did not start: ${why}`, {
    remedy: 'The lines above say why; `starling doctor` checks what it needs.',
  })
}

function relayed(name: string, report: ErrorReport): PartFailed {
  return new PartFailed(`the ${name} did not start: ${report.message}`, {
    remedy: report.remedy,
    details: { code: report.code },
  })
}
