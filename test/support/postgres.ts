/**
 * A real PostgreSQL of the test's own: on a free port of loopback, in a folder that goes away with it. The machine's programs, else
 * Debian's package, installed where that needs no question; where there are none, a line says so and the tests are left out.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePort } from '../../shared/fabric/free-port.ts'

const run = promisify(execFile)
const INSTALL_LIMIT_MS = 300_000
const START_LIMIT_MS = 30_000
const DEBIAN_PROGRAMS = '/usr/lib/postgresql'

export interface PostgresServer {
  /** Of the database `postgres`, as its superuser. */
  readonly url: string
  stop(): Promise<void>
}

/** The folder of `initdb` and `postgres`, or null with the reason said once. */
export async function postgresPrograms(): Promise<string | null> {
  const found = programs()
  if (found !== null) return found
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const options = { timeout: INSTALL_LIMIT_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    try {
      await run('apt-get', ['update'], options)
      await run('apt-get', ['install', '-y', '--no-install-recommends', 'postgresql'], options)
    } catch (error) {
      process.stderr.write(
        `PostgreSQL could not be installed: ${(error as Error).message.split('\n')[0] ?? ''}\n`,
      )
    }
  }
  const installed = programs()
  if (installed === null)
    process.stderr.write(
      'These tests need PostgreSQL and are left out: install it, or set STARLING_POSTGRES to the folder of its programs.\n',
    )
  return installed
}

function programs(): string | null {
  const named = process.env['STARLING_POSTGRES']
  const debian = existsSync(DEBIAN_PROGRAMS)
    ? readdirSync(DEBIAN_PROGRAMS)
        .toSorted((one, other) => Number(other) - Number(one))
        .map((version) => join(DEBIAN_PROGRAMS, version, 'bin'))
    : []
  const folders = [
    ...(named === undefined ? [] : [named]),
    ...debian,
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  return (
    folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ??
    null
  )
}

export async function startPostgres(bin: string): Promise<PostgresServer> {
  const dir = await mkdtemp(join(tmpdir(), 'starling-postgres-'))
  const user = await serverUser()
  if (user !== null) chownSync(dir, user.uid, user.gid)
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid }
  const data = join(dir, 'data')
  const env = { ...process.env, LC_ALL: 'C.UTF-8', PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` }
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...identity,
    env,
    cwd: dir,
  })
  const port = await freePort(0)
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: dir,
    fsync: 'off',
    max_connections: '60',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...args], {
    ...identity,
    env,
    cwd: dirname(data),
    stdio: 'ignore',
  })
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  try {
    await answering(url, server)
  } catch (error) {
    server.kill('SIGKILL')
    await rm(dir, { recursive: true, force: true })
    throw error
  }
  return {
    url,
    stop: async () => {
      const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()))
      server.kill('SIGINT')
      await gone
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root; its package brings a user. */
async function serverUser(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (process.getuid?.() !== 0) return null
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (option) => {
        const found = await run('id', [option, name]).catch(() => null)
        return found === null ? null : Number(found.stdout.trim())
      }),
    )
    if (typeof uid === 'number' && typeof gid === 'number') return { uid, gid }
  }
  return null
}

async function answering(url: string, server: ChildProcess): Promise<void> {
  const until = Date.now() + START_LIMIT_MS
  for (;;) {
    const client = new Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (server.exitCode !== null || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
