/** The real binary, as people call it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../shared/package-root.ts'

export const BINARY = fileURLToPath(new URL('dist/edge-agent/cli/main.js', packageRoot()))
const READY_WITHIN_MS = 90_000

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs one command to its end. */
export async function starling(args: readonly string[], input?: string): Promise<Ran> {
  const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const chunks = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (chunks.out += chunk.toString('utf8')))
  child.stderr.on('data', (chunk: Buffer) => (chunks.err += chunk.toString('utf8')))
  child.stdin.end(input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...chunks }
}

export interface Up {
  readonly process: ChildProcess
  readonly technician: string
  readonly centre: string
  readonly operatorToken: string
  stop(): Promise<number | null>
}

/** `starling up` on free ports, until it says that it is ready. */
export async function startUp(
  data: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Up> {
  const ports = ['--port', '--nats-port', '--leaf-port', '--page-port', '--site-leaf-port'].flatMap(
    (name) => [name, '0'],
  )
  const child = spawn(process.execPath, [BINARY, 'up', '--data', data, '--json', ...ports, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')))
  const ready = await new Promise<Record<string, string>>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`it was not ready in time:\n${log}`)), READY_WITHIN_MS)
    createInterface({ input: child.stdout }).on('line', (line) => {
      clearTimeout(late)
      const value = JSON.parse(line) as Record<string, string>
      if (value['ready']) resolve(value)
      else reject(new Error(line))
    })
    child.once('close', (code) => reject(new Error(`it ended with ${code}:\n${log}`)))
  })
  return {
    process: child,
    technician: ready['technician'] ?? '',
    centre: ready['centre'] ?? '',
    operatorToken: ready['operatorToken'] ?? '',
    stop: async () => {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'close')
      }
      return child.exitCode
    },
  }
}
