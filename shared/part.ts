/**
 * How a part of Starling runs as a process: one line `{"ready":true,...}` on standard output when it can be used, or
 * `{"error":{...}}`; its log on standard error; a graceful stop on SIGTERM, SIGINT, or when its standard input ends, which
 * is how it learns that whoever started it is gone.
 */
import { setFlagsFromString } from 'node:v8'
import { reportError } from './errors.ts'
import type { JsonObject } from './json.ts'

export interface RunningPart {
  readonly ready: JsonObject
  stop(): Promise<void>
}

/** A stop that hangs must not keep the folder's lock for ever. */
const STOP_WITHIN_MS = 15_000
const EXIT_REFUSED = 1

/** The database's WebAssembly by the baseline compiler alone: 80 MB less a process, and no slower (`npm run bench -- memory`, `kernel`). */
const COMPILER_FLAG = '--liftoff-only'

/** Runs a part until it is told to stop. `start` gets the signal that ends a start; `fail` ends a running part for good. */
export async function runPart(
  start: (signal: AbortSignal, fail: (error: unknown) => void) => Promise<RunningPart>,
): Promise<void> {
  setFlagsFromString(COMPILER_FLAG)
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
  const stop = (): void => stopping.abort()
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.stdin.on('end', stop).on('error', stop).resume()
  let failure: { readonly error: unknown } | null = null
  const fail = (error: unknown): void => {
    failure ??= { error }
    stop()
  }
  try {
    const part = await start(stopping.signal, fail)
    say({ ready: true, ...part.ready })
    await stopped
    const late = setTimeout(() => process.exit(EXIT_REFUSED), STOP_WITHIN_MS)
    await part.stop()
    clearTimeout(late)
  } catch (error) {
    failure ??= stopping.signal.aborted ? null : { error }
  }
  process.stdin.pause()
  if (failure !== null) {
    say({ error: reportError((failure as { error: unknown }).error) as unknown as JsonObject })
    process.exitCode = EXIT_REFUSED
  }
  // Worker threads and sockets that are still winding down must not keep a stopped part alive.
  setTimeout(() => process.exit(), 500).unref()
}

function say(line: JsonObject): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
