/** Folders of the test's own, gone when it is over. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function dataFolder(name: string): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `starling-${name}-`))
  return { path, remove: async () => await rm(path, { recursive: true, force: true }) }
}
