/**
 * Where a worker thread's compiled entry lies. Node 20 runs no TypeScript, so a worker is always started from `dist/`,
 * whether its owner runs compiled or, under vitest, from the source tree.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { StarlingError } from './errors.ts'

export class NotBuilt extends StarlingError {
  override readonly code = 'not_built'
}

const root = new URL('../', import.meta.url)

/** The URL of the compiled form of `relative` (a `.ts` path beside `from`). Throws {@link NotBuilt} when it is missing. */
export function workerEntry(from: string, relative: string): URL {
  const beside = new URL(relative.replace(/\.ts$/, '.js'), from)
  if (from.endsWith('.js')) return beside
  const inside = beside.href.slice(root.href.length)
  const built = new URL(`dist/${inside}`, root)
  if (!existsSync(fileURLToPath(built)))
    throw new NotBuilt(`${inside} has not been compiled`, { remedy: 'Run `npm run build` first.' })
  return built
}
