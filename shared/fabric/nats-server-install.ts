/** Installing nats-server by Debian's package manager: only as root, and never with a question. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { NatsServerMissing } from './errors.ts'

/** The package is 5 MB; what takes long is another apt that holds the lock, or a slow mirror. */
const STEP_LIMIT_MS = 180_000
const LOCK_WAIT_S = 60

const STEPS = [['update'], ['install', '-y', '--no-install-recommends', 'nats-server']] as const

export function canInstallByApt(machine: { platform: NodeJS.Platform; isRoot: boolean }): boolean {
  return machine.platform === 'linux' && machine.isRoot && existsSync('/usr/bin/apt-get')
}

/** Throws {@link NatsServerMissing} naming apt's last line when a step fails or takes too long. */
export async function installByApt(work: {
  onProgress(line: string): void
  signal: AbortSignal
}): Promise<void> {
  for (const step of STEPS) {
    work.onProgress(`nats-server is missing: running apt-get ${step.join(' ')}`)
    await aptGet(step, work)
  }
}

async function aptGet(
  step: readonly string[],
  work: { onProgress(line: string): void; signal: AbortSignal },
): Promise<void> {
  const limit = AbortSignal.any([work.signal, AbortSignal.timeout(STEP_LIMIT_MS)])
  const child = spawn(
    'apt-get',
    ['-o', `DPkg::Lock::Timeout=${LOCK_WAIT_S}`, '-o', 'Acquire::Retries=2', ...step],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: limit,
      killSignal: 'SIGTERM',
    },
  )
  let last = ''
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() === '') return
      last = line.trim()
      work.onProgress(`  ${last}`)
    })
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', (exit) => resolve(exit))
  })
  work.signal.throwIfAborted()
  if (code === 0) return
  const why = limit.aborted ? `it took longer than ${STEP_LIMIT_MS / 1000} s` : last
  throw new NatsServerMissing(`apt-get ${step.join(' ')} failed: ${why}`, {
    remedy:
      'Run: apt-get update && apt-get install -y --no-install-recommends nats-server, or set STARLING_NATS_SERVER.',
    details: { exitCode: code },
  })
}
