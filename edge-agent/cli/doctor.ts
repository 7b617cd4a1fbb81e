/** `starling doctor`: what is there, what is missing, and how to mend it. It changes nothing. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DAMAGED_FOLDER } from '../../shared/sql/recovery/ladder.ts'
import { readNote, recoveryWords } from '../../shared/sql/recovery/note.ts'

export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'warning' | 'missing'
  readonly found: string
  /** Null when there is nothing to mend. */
  readonly remedy: string | null
}

/** A first start, its models and a month of records fit in this. */
const DISK_NEEDED_BYTES = 500 * 1024 * 1024
const NODE_FLOORS = [
  { major: 20, minor: 19 },
  { major: 22, minor: 12 },
] as const
/** Before this date no Starling existed: a clock that says so is wrong, and signatures would look like the future's. */
const EARLIEST_MS = Date.UTC(2026, 0, 1)

export interface DoctorFacts {
  readonly nodeVersion: string
  readonly nowMs: number
  readonly root: string
  /** The device's database, with its note of a recovery. */
  readonly database: string
  readonly modelFiles: readonly URL[]
  readonly ports: readonly { readonly name: string; readonly port: number }[]
  /** Finds nats-server; null when it is missing, with the remedy. */
  findNatsServer(): Promise<{ readonly found: string } | { readonly remedy: string }>
}

export async function examine(facts: DoctorFacts): Promise<readonly Finding[]> {
  const nats = await facts.findNatsServer()
  return [
    nodeFinding(facts.nodeVersion),
    'found' in nats
      ? { name: 'nats-server', state: 'ok', found: nats.found, remedy: null }
      : { name: 'nats-server', state: 'missing', found: 'not found', remedy: nats.remedy },
    ...facts.modelFiles.map(modelFinding),
    folderFinding(facts.root),
    diskFinding(facts.root),
    ...(await databaseFindings(facts.database)),
    clockFinding(facts.nowMs),
    ...(await Promise.all(facts.ports.map(portFinding))),
  ]
}

/** True when nothing is missing; a warning does not stop Starling. */
export function healthy(findings: readonly Finding[]): boolean {
  return findings.length > 0 && findings.every(({ state }) => state !== 'missing')
}

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const known = NODE_FLOORS.find((floor) => floor.major === major)
  const fits = known === undefined ? major > 22 : minor >= known.minor
  const remedy = fits ? null : 'Install Node 20.19 or later, or 22.12 or later.'
  return { name: 'node', state: fits ? 'ok' : 'missing', found: version, remedy }
}

function modelFinding(file: URL): Finding {
  const path = fileURLToPath(file)
  const there = existsSync(path)
  const name = `model ${path.split('/').slice(-2).join('/')}`
  return there
    ? { name, state: 'ok', found: 'shipped', remedy: null }
    : {
        name,
        state: 'missing',
        found: 'not found',
        remedy: 'Check out Starling again: its models are part of it.',
      }
}

function folderFinding(root: string): Finding {
  const folder = nearest(root)
  try {
    accessSync(folder, constants.W_OK)
    return { name: 'data folder', state: 'ok', found: root, remedy: null }
  } catch {
    const remedy = 'Choose a folder that you may write to with --data DIR or STARLING_HOME.'
    return { name: 'data folder', state: 'missing', found: `${folder} cannot be written`, remedy }
  }
}

function diskFinding(root: string): Finding {
  const { bavail, bsize } = statfsSync(nearest(root))
  const freeBytes = bavail * bsize
  const found = `${Math.floor(freeBytes / 1024 / 1024)} MB free`
  return freeBytes >= DISK_NEEDED_BYTES
    ? { name: 'disk', state: 'ok', found, remedy: null }
    : { name: 'disk', state: 'missing', found, remedy: 'Free space: Starling needs 500 MB to start.' }
}

/** Nothing about a database that was never in trouble. */
async function databaseFindings(dir: string): Promise<readonly Finding[]> {
  const note = await readNote(dir)
  if (note === null) return []
  const damaged = join(dir, DAMAGED_FOLDER)
  const found =
    note.phase === 'suspected' || note.phase === 'climbing' ? `damaged: ${note.reason}` : recoveryWords(note)
  const remedy =
    note.phase === 'suspected' || note.phase === 'climbing'
      ? 'Start Starling: it takes its last snapshot and what the journal holds.'
      : existsSync(damaged)
        ? `Have the disk examined; the damaged folder is kept in ${damaged} until you remove it.`
        : 'Have the disk examined if this comes again.'
  return [{ name: 'database', state: 'warning', found, remedy }]
}

function clockFinding(nowMs: number): Finding {
  const found = new Date(nowMs).toISOString()
  return nowMs >= EARLIEST_MS
    ? { name: 'clock', state: 'ok', found, remedy: null }
    : { name: 'clock', state: 'missing', found, remedy: "Set the machine's clock: signatures have dates." }
}

async function portFinding(wish: { readonly name: string; readonly port: number }): Promise<Finding> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port: wish.port, exclusive: true }, () =>
      server.close(() => resolve(true)),
    )
  })
  const name = `port ${wish.port}`
  return free
    ? { name, state: 'ok', found: `free for ${wish.name}`, remedy: null }
    : { name, state: 'warning', found: 'taken', remedy: `${wish.name} will take a free one and print it.` }
}

function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder))
}
