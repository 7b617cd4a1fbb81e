/** The version of this installation, from its package.json. */
import { readFileSync } from 'node:fs'
import { packageRoot } from './package-root.ts'

export function packageVersion(): string {
  const found = JSON.parse(readFileSync(new URL('package.json', packageRoot()), 'utf8')) as {
    version: string
  }
  return found.version
}
