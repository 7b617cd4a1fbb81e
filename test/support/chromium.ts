/** A real Chromium for the pages: the machine's own, else Debian's, installed where that needs no question. */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const INSTALL_LIMIT_MS = 300_000
const run = promisify(execFile)

/** Throws, saying which command to run, where there is none and none can be installed. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = found() ?? (await installed())
  return await chromium.launch({ executablePath, args: ['--no-sandbox', ...args] })
}

function found(): string | null {
  const named = process.env['STARLING_CHROMIUM']
  if (named !== undefined && named !== '') return named
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const folder of [...folders, '/usr/bin'])
    for (const name of NAMES) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // The next one.
      }
    }
  return null
}

async function installed(): Promise<string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(
      'These tests need Chromium: install it with your package manager, or set STARLING_CHROMIUM to its path.',
    )
  const options = { timeout: INSTALL_LIMIT_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  await run('apt-get', ['update'], options)
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], options)
  const path = found()
  if (path === null)
    throw new Error('Debian’s chromium was installed and is not there: set STARLING_CHROMIUM to its path.')
  return path
}
