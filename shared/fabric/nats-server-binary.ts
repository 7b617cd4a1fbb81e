/**
 * Where the machine's real nats-server is: `STARLING_NATS_SERVER`, the PATH (and the folders that root's PATH often lacks),
 * Starling's own cache, else the machine's package manager where that needs no question. No npm package carries it.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { NatsServerMissing, NatsServerUnfit } from './errors.ts'
import { installByApt, canInstallByApt } from './nats-server-install.ts'

/** Debian 12 has 2.9.10; subjects, direct gets and domains are used as that line knows them. */
const NATS_SERVER_FLOOR = { major: 2, minor: 9 } as const
/** `--version` answers in a few milliseconds; a program that is silent for longer is none. */
const VERSION_LIMIT_MS = 10_000
/** Where packages put servers, and a plain user's PATH does not look. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/opt/homebrew/bin'] as const

export interface NatsServerBinary {
  readonly path: string
  /** As `2.9.10`. */
  readonly version: string
  readonly source: 'setting' | 'path' | 'cache' | 'installed'
}

export interface NatsServerSearch {
  readonly env: NodeJS.ProcessEnv
  /** Starling's own folder of programs. */
  readonly cacheDir: string
  /** False: only look (`starling doctor`). */
  readonly mayInstall: boolean
  readonly platform?: NodeJS.Platform
  readonly isRoot?: boolean
  /** Where the PATH is looked up beyond `env`; for tests. */
  readonly serverFolders?: readonly string[]
  onProgress(line: string): void
  readonly signal: AbortSignal
}

/**
 * Finds (and, where allowed and possible without a question, installs) nats-server. Throws {@link NatsServerMissing} with the
 * exact command as remedy, or {@link NatsServerUnfit} for a named program that is none or is too old.
 */
export async function findNatsServer(search: NatsServerSearch): Promise<NatsServerBinary> {
  const named = search.env['STARLING_NATS_SERVER']
  // A person's choice is taken or refused, never passed over in silence.
  if (named !== undefined && named !== '') return examined(named, 'setting', search.signal)
  const found = await firstFit(search)
  if (found !== null) return found
  const platform = search.platform ?? process.platform
  const isRoot = search.isRoot ?? process.getuid?.() === 0
  if (search.mayInstall && canInstallByApt({ platform, isRoot })) {
    await installByApt({ onProgress: (line) => search.onProgress(line), signal: search.signal })
    const installed = await firstFit(search)
    if (installed !== null) return { ...installed, source: 'installed' }
  }
  throw new NatsServerMissing('nats-server is not installed on this machine', {
    remedy: installCommand(platform, isRoot),
  })
}

async function firstFit(search: NatsServerSearch): Promise<NatsServerBinary | null> {
  const folders = [
    ...(search.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...(search.serverFolders ?? SERVER_FOLDERS),
  ]
  const places = [
    ...folders.map((folder) => ({ path: join(folder, 'nats-server'), source: 'path' as const })),
    { path: join(search.cacheDir, 'nats-server'), source: 'cache' as const },
  ]
  let unfit: NatsServerUnfit | null = null
  for (const { path, source } of places) {
    if (!isProgram(path)) continue
    try {
      return await examined(path, source, search.signal)
    } catch (thrown) {
      if (!(thrown instanceof NatsServerUnfit)) throw thrown
      unfit = thrown // Another folder may hold a fit one.
    }
  }
  if (unfit !== null) throw unfit
  return null
}

async function examined(
  path: string,
  source: NatsServerBinary['source'],
  signal: AbortSignal,
): Promise<NatsServerBinary> {
  if (!isProgram(path))
    throw new NatsServerUnfit(`STARLING_NATS_SERVER names ${path}, which is no program that can be run`, {
      remedy: 'Set STARLING_NATS_SERVER to the path of nats-server, or unset it.',
    })
  const said = await versionLine(path, signal)
  const match = /^nats-server: v(\d+)\.(\d+)\.(\d+)/m.exec(said)
  if (match === null)
    throw new NatsServerUnfit(`${path} does not say that it is nats-server: ${said.slice(0, 80).trim()}`, {
      remedy: 'Install nats-server from its own project or your distribution.',
    })
  const [, major, minor, patch] = match.map(Number)
  const version = `${major}.${minor}.${patch}`
  const { major: floorMajor, minor: floorMinor } = NATS_SERVER_FLOOR
  if (Number(major) < floorMajor || (Number(major) === floorMajor && Number(minor) < floorMinor))
    throw new NatsServerUnfit(
      `${path} is nats-server ${version}; Starling needs ${floorMajor}.${floorMinor}`,
      {
        remedy: `Install nats-server ${floorMajor}.${floorMinor} or later, or name one with STARLING_NATS_SERVER.`,
      },
    )
  return { path, version, source }
}

function versionLine(path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path, ['--version'], { timeout: VERSION_LIMIT_MS, signal }, (error, stdout, stderr) => {
      if (signal.aborted) reject(signal.reason as Error)
      else resolve(error === null ? `${stdout}${stderr}` : `it failed: ${error.message}`)
    })
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // Not there, or not ours to run: the next place is looked at.
  }
}

function installCommand(platform: NodeJS.Platform, isRoot: boolean): string {
  if (platform === 'darwin') return 'Run: brew install nats-server'
  if (platform === 'win32') return 'Run: winget install NATSAuthors.NATSServer, or set STARLING_NATS_SERVER.'
  const sudo = isRoot ? '' : 'sudo '
  return canInstallByApt({ platform, isRoot: true })
    ? `Run: ${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends nats-server`
    : 'Install nats-server with your package manager, or set STARLING_NATS_SERVER to its path.'
}
