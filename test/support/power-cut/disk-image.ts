/**
 * What a disk may hold after a power cut, by what POSIX promises and no more: a file's bytes are safe once the file was synced,
 * a name once its folder was. Of the rest any part may be there: each write, half of one at a sector's edge, and of each
 * folder's changes of names a first part (file systems keep their order).
 */
import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DiskOperation, Recording } from './recorder.ts'

/** What disks write whole. */
const SECTOR_BYTES = 512

type NameChange = Extract<
  DiskOperation,
  { kind: 'create' | 'mkdir' | 'rename' | 'link' | 'unlink' | 'rmdir' }
>
type ContentChange = Extract<DiskOperation, { kind: 'write' | 'truncate' }>

/** Follows a recording forwards, and makes images of any moment on the way. */
export class CutDisk {
  readonly #operations: readonly DiskOperation[]
  readonly #contents = new Map<number, Buffer>()
  readonly #names = new Map<string, number | 'folder'>()
  #unsyncedNames: NameChange[] = []
  readonly #unsynced = new Map<number, ContentChange[]>()
  #at = 0
  #acknowledged = 0

  constructor({ baseline, operations }: Recording) {
    this.#operations = operations
    for (const folder of baseline.folders) this.#names.set(folder, 'folder')
    for (const [path, { file, content }] of baseline.files) {
      this.#names.set(path, file)
      this.#contents.set(file, Buffer.from(content))
    }
  }

  /** The last mark before this moment. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Goes on to the moment before operation `cut`, which must not lie behind. */
  advance(cut: number): void {
    for (; this.#at < cut; this.#at++) {
      const operation = this.#operations[this.#at]
      if (operation !== undefined) this.#take(operation)
    }
  }

  /** Writes what a cut at this moment may leave into `root`; `random` decides what of the unsynced is there. */
  write(root: string, random: () => number): void {
    const names = new Map(this.#names)
    for (const change of survivingNames(this.#unsyncedNames, random)) rename(names, change)
    mkdirSync(root, { recursive: true })
    const paths = Array.from(names.keys()).sort()
    const there = new Set([''])
    const written = new Map<number, string>()
    for (const path of paths) {
      const what = names.get(path)
      // A name in a folder that never came to be is nowhere.
      if (what === undefined || !there.has(parentOf(path))) continue
      if (what === 'folder') {
        mkdirSync(join(root, path))
        there.add(path)
        continue
      }
      const other = written.get(what)
      if (other !== undefined) linkSync(join(root, other), join(root, path))
      else writeFileSync(join(root, path), this.#survivingContent(what, random))
      written.set(what, path)
    }
  }

  #take(operation: DiskOperation): void {
    switch (operation.kind) {
      case 'mark':
        this.#acknowledged = operation.mark
        return
      case 'sync': {
        const changes = this.#unsynced.get(operation.file) ?? []
        this.#unsynced.delete(operation.file)
        this.#contents.set(operation.file, changes.reduce(changed, this.#contentOf(operation.file)))
        return
      }
      case 'sync_folder': {
        const done = (change: NameChange): boolean => foldersOf(change).includes(operation.path)
        for (const change of this.#unsyncedNames.filter(done)) rename(this.#names, change)
        this.#unsyncedNames = this.#unsyncedNames.filter((change) => !done(change))
        return
      }
      case 'write':
      case 'truncate': {
        const changes = this.#unsynced.get(operation.file) ?? []
        changes.push(operation)
        this.#unsynced.set(operation.file, changes)
        return
      }
      case 'create':
      case 'mkdir':
      case 'rename':
      case 'link':
      case 'unlink':
      case 'rmdir':
        this.#unsyncedNames.push(operation)
    }
  }

  #contentOf(file: number): Buffer {
    return this.#contents.get(file) ?? Buffer.alloc(0)
  }

  #survivingContent(file: number, random: () => number): Buffer {
    const changes = this.#unsynced.get(file)
    const durable = this.#contentOf(file)
    if (changes === undefined) return durable
    // None, some or all of a file's writes: each of the three is a disk that exists.
    const share = [0, 0.5, 1][Math.floor(random() * 3)] ?? 0.5
    const kept = changes.filter(() => random() < share).map((change) => torn(change, random))
    return kept.reduce(changed, Buffer.from(durable))
  }
}

/** Of each folder's changes a first part, in the order in which they were made. */
function survivingNames(changes: readonly NameChange[], random: () => number): readonly NameChange[] {
  const folders = new Set(changes.flatMap(foldersOf))
  const left = new Map(
    Array.from(folders, (folder) => {
      const count = changes.filter((change) => foldersOf(change).includes(folder)).length
      return [folder, Math.floor(random() * (count + 1))]
    }),
  )
  return changes.filter((change) =>
    foldersOf(change).every((folder) => {
      const rest = left.get(folder) ?? 0
      left.set(folder, rest - 1)
      return rest > 0
    }),
  )
}

function torn(change: ContentChange, random: () => number): ContentChange {
  if (change.kind === 'truncate' || random() < 0.8) return change
  const sectors = Math.floor((random() * change.bytes.length) / SECTOR_BYTES)
  return { ...change, bytes: change.bytes.subarray(0, sectors * SECTOR_BYTES) }
}

function changed(content: Buffer, change: ContentChange): Buffer {
  if (change.kind === 'truncate') return resized(content, change.sizeBytes)
  const end = change.at + change.bytes.length
  const after = end > content.length ? resized(content, end) : content
  after.set(change.bytes, change.at)
  return after
}

function resized(content: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes <= content.length) return Buffer.from(content.subarray(0, sizeBytes))
  return Buffer.concat([content], sizeBytes)
}

function rename(names: Map<string, number | 'folder'>, change: NameChange): void {
  if (change.kind === 'create' || change.kind === 'link') names.set(change.path, change.file)
  else if (change.kind === 'mkdir') names.set(change.path, 'folder')
  else if (change.kind === 'unlink' || change.kind === 'rmdir') names.delete(change.path)
  else {
    // A name that is durable leads to its file, whether or not the name before it ever was.
    names.delete(change.from)
    names.set(change.to, change.file)
  }
}

function foldersOf(change: NameChange): readonly string[] {
  const paths = change.kind === 'rename' ? [change.from, change.to] : [change.path]
  return Array.from(new Set(paths.map(parentOf)))
}

function parentOf(path: string): string {
  return dirname(path) === '.' ? '' : dirname(path)
}
