/**
 * Starling's data folder: `--data DIR`, else `STARLING_HOME`, else `~/.starling`. One process tree holds it at a time.
 */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { StarlingError } from '../shared/errors.ts'

export class UnusableHome extends StarlingError {
  override readonly code = 'unusable_home'
}

/** Under the device's state: its database, and the journal a second time. */
export const DATABASE_FOLDER = 'database'
export const JOURNAL_FOLDER = 'journal'
/** Under the device's state: recordings of confirmed commands. */
export const RECORDINGS_FOLDER = 'recordings'

/** Where everything of one installation lies; folders are made with mode 0700 when first asked for. */
export interface Home {
  readonly root: string
  /** The centre's state. */
  readonly hub: string
  /** The device's state. */
  readonly edge: string
  /** Programs that Starling keeps for itself, `nats-server` among them. */
  readonly bin: string
  /** Domains that were built from files, by their content. */
  readonly domains: string
  /** Addresses of what runs now, written by each part when it is ready. */
  readonly run: string
}

const DOMAINS = 'domains'

/** Makes the folders and returns them. Throws {@link UnusableHome} when one cannot be made. */
export function openHome(choice: { data: string | undefined; env: NodeJS.ProcessEnv }): Home {
  const root = homeRoot(choice)
  const home = {
    root,
    hub: join(root, 'hub'),
    edge: join(root, 'edge'),
    bin: join(root, 'bin'),
    domains: join(root, DOMAINS),
    run: join(root, 'run'),
  }
  for (const folder of Object.values(home)) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw new UnusableHome(`the data folder ${folder} cannot be made: ${(cause as Error).message}`, {
        remedy: 'Choose a folder that you may write to with --data DIR or STARLING_HOME.',
        cause,
      })
    }
  }
  return home
}

/** Where the command keeps the domains that it builds, of the installation that the device's folder belongs to. */
export function builtDomains(edgeDir: string): string {
  return join(dirname(resolve(edgeDir)), DOMAINS)
}

/** The folder that would be used, without making it. */
export function homeRoot(choice: { data: string | undefined; env: NodeJS.ProcessEnv }): string {
  return resolve(choice.data ?? choice.env['STARLING_HOME'] ?? join(homedir(), '.starling'))
}
