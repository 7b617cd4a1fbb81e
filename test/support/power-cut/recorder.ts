/**
 * What a program does to a folder, as the kernel is asked for it: names made and removed, bytes written, what was synced.
 * `node:fs` itself is wrapped, so that whatever lies above it (PGlite's NodeFS as it comes, or ours) is recorded alike.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { sep } from 'node:path'
import { promisesRecorded } from './promises-recorder.ts'

/** A file is a number, given when it is first seen, whatever its name becomes. */
export type DiskOperation =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'rename'; readonly file: number; readonly from: string; readonly to: string }
  /** One file under a second name. */
  | { readonly kind: 'link'; readonly file: number; readonly path: string }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rmdir'; readonly path: string }
  | { readonly kind: 'write'; readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: number; readonly sizeBytes: number }
  | { readonly kind: 'sync'; readonly file: number }
  | { readonly kind: 'sync_folder'; readonly path: string }
  /** The program acknowledged its work number `mark`. */
  | { readonly kind: 'mark'; readonly mark: number }

export interface Baseline {
  /** Relative paths. */
  readonly folders: readonly string[]
  readonly files: ReadonlyMap<string, { readonly file: number; readonly content: Uint8Array }>
}

export interface Recording {
  /** As the folder was when recording began: all of it durable. */
  readonly baseline: Baseline
  readonly operations: readonly DiskOperation[]
}

export interface Recorder {
  mark(mark: number): void
  /** Unwraps `node:fs`. */
  stop(): void
  readonly recording: Recording
}

const originals = {
  openSync: fs.openSync,
  closeSync: fs.closeSync,
  writeSync: fs.writeSync,
  writeFileSync: fs.writeFileSync,
  truncateSync: fs.truncateSync,
  ftruncateSync: fs.ftruncateSync,
  renameSync: fs.renameSync,
  unlinkSync: fs.unlinkSync,
  mkdirSync: fs.mkdirSync,
  rmdirSync: fs.rmdirSync,
  fsyncSync: fs.fsyncSync,
  fdatasyncSync: fs.fdatasyncSync,
}

/** Records every change under `root` that this thread makes from now on. One at a time. */
export function recordDisk(root: string): Recorder {
  const recorder = new FolderRecorder(root)
  Object.assign(fs, wrappersOf(recorder))
  const restorePromises = promisesRecorded(recorder)
  syncBuiltinESMExports()
  return {
    mark: (mark) => recorder.note({ kind: 'mark', mark }),
    stop: () => {
      Object.assign(fs, originals)
      restorePromises()
      syncBuiltinESMExports()
    },
    recording: { baseline: recorder.baseline, operations: recorder.operations },
  }
}

export class FolderRecorder {
  readonly baseline: Baseline
  readonly operations: DiskOperation[] = []
  readonly #root: string
  readonly #fileOf = new Map<string, number>()
  /** Open descriptors: a file's number, or a folder's path. */
  readonly #open = new Map<number, number | string>()
  #files = 0

  constructor(root: string) {
    this.#root = root
    this.baseline = this.#read()
  }

  note(operation: DiskOperation): void {
    this.operations.push(operation)
  }

  /** The path within the folder; null for one outside. */
  within(path: unknown): string | null {
    const text = String(path)
    if (text === this.#root) return ''
    return text.startsWith(this.#root + sep) ? text.slice(this.#root.length + 1) : null
  }

  /** The number of the file at `path`, which is made when there is none. */
  fileAt(path: string): number {
    const known = this.#fileOf.get(path)
    if (known !== undefined) return known
    const file = this.#files++
    this.#fileOf.set(path, file)
    this.note({ kind: 'create', path, file })
    return file
  }

  opened(fd: number, path: string): void {
    this.#open.set(fd, fs.fstatSync(fd).isDirectory() ? path : this.fileAt(path))
  }

  closed(fd: number): void {
    this.#open.delete(fd)
  }

  /** What the descriptor stands for; undefined for one outside of the folder. */
  behind(fd: number): number | string | undefined {
    return this.#open.get(fd)
  }

  renamed(from: string, to: string): void {
    const file = this.#fileOf.get(from)
    if (file === undefined)
      throw new Error(`${from} was renamed and is no file: the model knows no such change`)
    this.#fileOf.delete(from)
    this.#fileOf.set(to, file)
    this.note({ kind: 'rename', file, from, to })
  }

  linked(from: string, to: string): void {
    const file = this.fileAt(from)
    this.#fileOf.set(to, file)
    this.note({ kind: 'link', file, path: to })
  }

  unlinked(path: string): void {
    this.#fileOf.delete(path)
    this.note({ kind: 'unlink', path })
  }

  #read(): Baseline {
    const folders: string[] = []
    const files = new Map<string, { file: number; content: Uint8Array }>()
    const known = new Map<number, number>()
    for (const entry of fs.readdirSync(this.#root, { recursive: true, withFileTypes: true })) {
      const path = this.within(`${entry.parentPath}${sep}${entry.name}`)
      if (path === null) continue
      if (entry.isDirectory()) folders.push(path)
      else {
        const whole = `${entry.parentPath}${sep}${entry.name}`
        const { ino } = fs.statSync(whole)
        // Two names of one file are one file.
        const file = known.get(ino) ?? this.#files++
        known.set(ino, file)
        this.#fileOf.set(path, file)
        files.set(path, { file, content: fs.readFileSync(whole) })
      }
    }
    return { folders: folders.sort(), files }
  }
}

function wrappersOf(recorder: FolderRecorder): Partial<typeof originals> {
  return { ...nameWrappers(recorder), ...contentWrappers(recorder) }
}

function nameWrappers(recorder: FolderRecorder): Partial<typeof originals> {
  return {
    openSync: (path, flags, mode) => {
      const fd = originals.openSync(path, flags, mode)
      const inside = recorder.within(path)
      if (inside === null) return fd
      recorder.opened(fd, inside)
      const behind = recorder.behind(fd)
      const empties = typeof flags === 'number' ? (flags & fs.constants.O_TRUNC) !== 0 : flags === 'w'
      if (empties && typeof behind === 'number')
        recorder.note({ kind: 'truncate', file: behind, sizeBytes: 0 })
      return fd
    },
    closeSync: (fd) => {
      originals.closeSync(fd)
      recorder.closed(fd)
    },
    renameSync: (from, to) => {
      originals.renameSync(from, to)
      const [before, after] = [recorder.within(from), recorder.within(to)]
      if (before !== null && after !== null) recorder.renamed(before, after)
    },
    unlinkSync: (path) => {
      originals.unlinkSync(path)
      const inside = recorder.within(path)
      if (inside !== null) recorder.unlinked(inside)
    },
    mkdirSync: ((path: fs.PathLike, options?: fs.MakeDirectoryOptions) => {
      const made = originals.mkdirSync(path, options)
      const inside = recorder.within(path)
      if (inside !== null) recorder.note({ kind: 'mkdir', path: inside })
      return made
    }) as typeof fs.mkdirSync,
    rmdirSync: (path) => {
      originals.rmdirSync(path)
      const inside = recorder.within(path)
      if (inside !== null) recorder.note({ kind: 'rmdir', path: inside })
    },
  }
}

function contentWrappers(recorder: FolderRecorder): Partial<typeof originals> {
  const sync = (fd: number): void => {
    const behind = recorder.behind(fd)
    if (typeof behind === 'number') recorder.note({ kind: 'sync', file: behind })
    else if (behind !== undefined) recorder.note({ kind: 'sync_folder', path: behind })
  }
  return {
    // The form that emscripten calls: bytes, where they lie, and where they go.
    writeSync: ((fd: number, data: Uint8Array, ...where: [number, number, number | null]) => {
      const written = originals.writeSync(fd, data, ...where)
      const behind = recorder.behind(fd)
      if (typeof behind !== 'number') return written
      const [offset, , at] = where
      if (typeof at !== 'number') throw new Error('a write without its place: the model knows no such change')
      const bytes = Buffer.from(data.buffer, data.byteOffset + offset, written)
      recorder.note({ kind: 'write', file: behind, at, bytes: Uint8Array.from(bytes) })
      return written
    }) as typeof fs.writeSync,
    writeFileSync: (path, data, options) => {
      originals.writeFileSync(path, data, options)
      const inside = recorder.within(path)
      if (inside === null) return
      const file = recorder.fileAt(inside)
      const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer)
      recorder.note({ kind: 'truncate', file, sizeBytes: 0 })
      if (bytes.length > 0) recorder.note({ kind: 'write', file, at: 0, bytes })
    },
    truncateSync: (path, sizeBytes) => {
      originals.truncateSync(path, sizeBytes)
      const inside = recorder.within(path)
      if (inside !== null)
        recorder.note({ kind: 'truncate', file: recorder.fileAt(inside), sizeBytes: sizeBytes ?? 0 })
    },
    ftruncateSync: (fd, sizeBytes) => {
      originals.ftruncateSync(fd, sizeBytes)
      const behind = recorder.behind(fd)
      if (typeof behind === 'number')
        recorder.note({ kind: 'truncate', file: behind, sizeBytes: sizeBytes ?? 0 })
    },
    fsyncSync: (fd) => {
      originals.fsyncSync(fd)
      sync(fd)
    },
    fdatasyncSync: (fd) => {
      originals.fdatasyncSync(fd)
      sync(fd)
    },
  }
}
