/**
 * A new bundle is tried in a process of its own before it may run: with its golden inputs, a limit to its time and its memory, and
 * nothing of the device in reach but its folder. Whatever it does there (crash, hang, run out of memory) is a failed smoke test and
 * no more.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { workerEntry } from '../../shared/worker-entry.ts'
import type { BundleFacts } from '../update/slot-facts.ts'

export interface SmokeWork {
  readonly dir: string
  readonly facts: BundleFacts
}

const AnswerSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('passed'),
    /** Until its golden inputs had come out. */
    openMs: v.number(),
    /** Of one sentence: heard, with what {@link spokenMs} says, or understood. */
    latencyMs: v.number(),
    /** How long the sentence that was heard is; null for a model that hears nothing. */
    spokenMs: v.nullable(v.number()),
    /** The most that the process held in memory. */
    memoryBytes: v.number(),
  }),
  v.strictObject({
    kind: v.literal('failed'),
    error: v.object({ code: v.string(), message: v.string(), remedy: v.string() }),
  }),
])
export type SmokeAnswer = v.InferOutput<typeof AnswerSchema>
export type SmokeReport = Omit<Extract<SmokeAnswer, { kind: 'passed' }>, 'kind'>

export interface SmokeLimits {
  /** For all of it; then the process is killed. */
  readonly timeMs: number
  readonly memoryBytes: number
  /** The time to hear a sentence, as a multiple of the time to say it. */
  readonly hearing: number
  readonly understandingMs: number
}

/**
 * Time: the slowest device loads a model in a few seconds. Memory: a phone-class device has that much beside what runs. Hearing: a model
 * that is slower than speech never catches up with the microphone. Understanding: a longer wait is noticed in every turn.
 */
export const SMOKE_LIMITS: SmokeLimits = {
  timeMs: 120_000,
  memoryBytes: 1_536 * 1_024 * 1_024,
  hearing: 1,
  understandingMs: 500,
}

/** The model refused by itself: a golden input that did not come out, a file that is damaged. */
export class SmokeRefused extends StarlingError {
  override readonly code: string
  constructor({ code, message, remedy }: { code: string; message: string; remedy: string }) {
    super(message, { remedy })
    this.code = code
  }
}

export class SmokeCrashed extends StarlingError {
  override readonly code = 'smoke_crashed'
}

export class SmokeOverLimit extends StarlingError {
  override readonly code = 'smoke_over_limit'
}

export interface SmokeOptions {
  readonly signal: AbortSignal
  readonly limits?: SmokeLimits
  /** Another program than the smoke test's own; tests put one there that fails. */
  readonly entry?: URL
}

/** Of what the process said last, and of why it was killed. */
const MAX_SAID = 2_000

/**
 * Throws {@link SmokeRefused}, {@link SmokeCrashed} or {@link SmokeOverLimit}, or the signal's reason; the process has ended
 * when this settles.
 */
export async function smokeInChild(work: SmokeWork, options: SmokeOptions): Promise<SmokeReport> {
  const { signal, limits = SMOKE_LIMITS } = options
  signal.throwIfAborted()
  const entry = options.entry ?? workerEntry(import.meta.url, './smoke.process.ts')
  const child = started([fileURLToPath(entry), JSON.stringify(work)], limits)
  let isLate = false
  const late = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, limits.timeMs)
  const stop = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    const [out, complaint, [exitCode, endedBy]] = await Promise.all([
      said(child.stdout),
      said(child.stderr),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    ])
    signal.throwIfAborted()
    if (isLate) throw overLimit(`it was not done within ${limits.timeMs} ms`)
    const answer = answerIn(out)
    if (answer?.kind === 'failed') throw new SmokeRefused(answer.error)
    if (answer === null || exitCode !== 0) throw crashed(endedBy ?? `exit code ${exitCode}`, complaint)
    return within(limits, answer)
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', stop)
  }
}

/** Its memory is limited by the system where that can be said: what it may not have, it does not get. */
function started(args: readonly string[], { memoryBytes }: SmokeLimits): ChildProcess {
  const kibibytes = Math.floor(memoryBytes / 1_024)
  const limited = `ulimit -c 0; ulimit -d ${kibibytes} && exec "$0" "$@"`
  const [program, ...rest] =
    process.platform === 'linux'
      ? ['/bin/sh', '-c', limited, process.execPath, ...args]
      : [process.execPath, ...args]
  // Nothing of this process's environment: no key, no token, no option that would load other code.
  return spawn(program ?? process.execPath, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
}

async function said(stream: NodeJS.ReadableStream | null): Promise<string> {
  return stream === null ? '' : await text(stream)
}

function answerIn(out: string): SmokeAnswer | null {
  try {
    const parsed = v.safeParse(AnswerSchema, JSON.parse(out.trim().split('\n').at(-1) ?? ''))
    return parsed.success ? parsed.output : null
  } catch {
    // It ended before it had said all.
    return null
  }
}

function within(limits: SmokeLimits, answer: Extract<SmokeAnswer, { kind: 'passed' }>): SmokeReport {
  const { kind: _kind, ...report } = answer
  const { latencyMs, spokenMs, memoryBytes } = report
  if (memoryBytes > limits.memoryBytes)
    throw overLimit(`it held ${memoryBytes} bytes of memory, ${limits.memoryBytes} are allowed`)
  const allowedMs = spokenMs === null ? limits.understandingMs : limits.hearing * spokenMs
  if (!(latencyMs <= allowedMs))
    throw overLimit(`one sentence took ${Math.round(latencyMs)} ms, ${Math.round(allowedMs)} are allowed`)
  return report
}

function crashed(how: string, complaint: string): SmokeCrashed {
  const last = complaint.trim().slice(-MAX_SAID)
  return new SmokeCrashed(`the process that tried it ended with ${how}${last === '' ? '' : `: ${last}`}`, {
    remedy: 'The device is unharmed. Try the bundle on a machine of this kind; it may need more memory.',
  })
}

function overLimit(why: string): SmokeOverLimit {
  return new SmokeOverLimit(`the new bundle is too much for this device: ${why}`, {
    remedy: 'Publish a smaller model for devices of this kind, or offer it to larger ones.',
  })
}
