/** The same record for programs that change the disk by `node:fs/promises`: what the device's own stores use. */
import { existsSync, lstatSync, readdirSync, promises as fs } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import type { FolderRecorder } from './recorder.ts'

/** Wraps it; returns what unwraps it again. The caller has the bindings of modules follow. */
export function promisesRecorded(recorder: FolderRecorder): () => void {
  const originals = { open: fs.open, mkdir: fs.mkdir, rename: fs.rename, link: fs.link, rm: fs.rm }
  const inside = (path: unknown): string | null => recorder.within(path)
  Object.assign(fs, {
    open: async (path: string, flags?: string | number, mode?: number) => {
      if (flags === 'w')
        throw new Error('a file that is emptied as it is opened: the model knows no such change')
      const file = await originals.open(path, flags, mode)
      const name = inside(path)
      return name === null ? file : recordedHandle(file, { recorder, name })
    },
    mkdir: async (path: string, options?: { recursive?: boolean }) => {
      const made = missingFolders(path)
      const answer = await originals.mkdir(path, options)
      for (const folder of made) {
        const name = inside(folder)
        if (name !== null) recorder.note({ kind: 'mkdir', path: name })
      }
      return answer
    },
    rename: async (from: string, to: string) => {
      await originals.rename(from, to)
      const [before, after] = [inside(from), inside(to)]
      if (before !== null && after !== null) recorder.renamed(before, after)
    },
    link: async (from: string, to: string) => {
      await originals.link(from, to)
      const [before, after] = [inside(from), inside(to)]
      if (before !== null && after !== null) recorder.linked(before, after)
    },
    rm: async (path: string, options?: { recursive?: boolean; force?: boolean }) => {
      const all = treeOf(path)
      await originals.rm(path, options)
      for (const { path: gone, isFolder } of all) {
        const name = inside(gone)
        if (name === null) continue
        if (isFolder) recorder.note({ kind: 'rmdir', path: name })
        else recorder.unlinked(name)
      }
    },
  })
  return () => void Object.assign(fs, originals)
}

type Handle = Awaited<ReturnType<typeof fs.open>>

async function recordedHandle(
  file: Handle,
  { recorder, name }: { readonly recorder: FolderRecorder; readonly name: string },
): Promise<Handle> {
  const folder = (await file.stat()).isDirectory()
  const number = folder ? -1 : recorder.fileAt(name)
  const write = file.write.bind(file) as (...of: unknown[]) => Promise<{ bytesWritten: number }>
  const sync = file.sync.bind(file)
  Object.assign(file, {
    write: async (bytes: Uint8Array, offset: number, length: number, at: unknown) => {
      if (typeof at !== 'number') throw new Error('a write without its place: the model knows no such change')
      const written = await write(bytes, offset, length, at)
      const kept = Uint8Array.from(bytes.subarray(offset, offset + written.bytesWritten))
      recorder.note({ kind: 'write', file: number, at, bytes: kept })
      return written
    },
    sync: async () => {
      await sync()
      recorder.note(folder ? { kind: 'sync_folder', path: name } : { kind: 'sync', file: number })
    },
  })
  return file
}

/** Of a path the folders that are not there yet, outermost first. */
function missingFolders(path: string): readonly string[] {
  const missing: string[] = []
  for (let at = path; !existsSync(at) && at.includes(sep); at = dirname(at)) missing.unshift(at)
  return missing
}

/** What lies at and under `path`, what is inside first. */
function treeOf(path: string): readonly { readonly path: string; readonly isFolder: boolean }[] {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return []
  if (!found.isDirectory()) return [{ path, isFolder: false }]
  return [...readdirSync(path).flatMap((name) => treeOf(join(path, name))), { path, isFolder: true }]
}
