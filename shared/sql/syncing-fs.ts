/**
 * PGlite's NodeFS never syncs (pglite#1107): emscripten's fd_sync calls an optional `stream_ops.fsync` that NODEFS lacks.
 * This one supplies it. A file's fsync also syncs the folders in which names were made, renamed or removed since, before
 * it returns: PostgreSQL relies on the name of a new relation file being durable once its commit is.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import type { PGlite, postgresMod } from '@electric-sql/pglite'
import type { Meters } from './meters.ts'
import { isNoSpace } from './no-space.ts'

type PostgresMod = postgresMod.PostgresMod

interface FsNode {
  readonly parent: FsNode
}
interface FsStream {
  readonly nfd: number
  readonly node: FsNode & { readonly mode: number }
  readonly shared: object
}

/** The part of emscripten's NODEFS that is wrapped. Each PGlite instance has its own. */
interface NodeFsTable {
  tryFSOperation<T>(operation: () => T): T
  realPath(node: FsNode): string
  readonly node_ops: {
    mknod: (parent: FsNode, name: string, mode: number, device: number) => unknown
    rename: (node: FsNode, newParent: FsNode, newName: string) => void
    unlink: (parent: FsNode, name: string) => void
    rmdir: (parent: FsNode, name: string) => void
    symlink: (parent: FsNode, name: string, target: string) => unknown
  }
  readonly stream_ops: {
    open: (stream: FsStream) => void
    // Five parameters are emscripten's.
    // oxlint-disable-next-line max-params
    write: (stream: FsStream, buffer: Uint8Array, offset: number, length: number, position: number) => number
    fsync?: (stream: FsStream) => number
  }
}

const S_IFMT = 0o170000
const S_IFDIR = 0o040000

export class SyncingNodeFs extends NodeFS {
  readonly #meters: Meters

  constructor(dir: string, meters: Meters) {
    super(dir)
    this.#meters = meters
  }

  override async init(
    pg: PGlite,
    options: Partial<PostgresMod>,
  ): Promise<{ emscriptenOpts: Partial<PostgresMod> }> {
    const { emscriptenOpts } = await super.init(pg, options)
    const patch = (mod: PostgresMod): void => {
      const { filesystems } = mod.FS as unknown as { filesystems: { NODEFS: NodeFsTable } }
      makeSyncing(filesystems.NODEFS, this.#meters)
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [patch, ...(emscriptenOpts.preRun ?? [])] } }
  }
}

function makeSyncing(table: NodeFsTable, meters: Meters): void {
  const unsynced = new Set<string>()
  watchFullDisk(table, meters)
  watchFolders(table, unsynced)
  watchWal(table, meters)
  table.stream_ops.fsync = (stream) =>
    table.tryFSOperation(() => {
      if ((stream.node.mode & S_IFMT) === S_IFDIR) fsyncSync(stream.nfd)
      else fdatasyncSync(stream.nfd)
      meters.add('fileSyncs', 1)
      for (const folder of unsynced) {
        syncFolder(folder)
        meters.add('folderSyncs', 1)
        unsynced.delete(folder)
      }
      return 0
    })
}

/** PostgreSQL turns ENOSPC into a PANIC where it may not fail, and its text is no contract: note the cause where it arises. */
function watchFullDisk(table: NodeFsTable, meters: Meters): void {
  const original = table.tryFSOperation.bind(table)
  table.tryFSOperation = (operation) =>
    original(() => {
      try {
        return operation()
      } catch (error) {
        if (isNoSpace(error)) meters.add('diskFullErrors', 1)
        throw error
      }
    })
}

function watchFolders(table: NodeFsTable, unsynced: Set<string>): void {
  const { node_ops: operations } = table
  const { mknod, rename, unlink, rmdir, symlink } = operations
  const changed = (folder: FsNode): void => {
    unsynced.add(table.realPath(folder))
  }
  operations.mknod = (parent, name, mode, device) => {
    const made = mknod(parent, name, mode, device)
    changed(parent)
    return made
  }
  operations.rename = (node, newParent, newName) => {
    const oldParent = node.parent
    rename(node, newParent, newName)
    changed(oldParent)
    changed(newParent)
  }
  operations.unlink = (parent, name) => {
    unlink(parent, name)
    changed(parent)
  }
  operations.rmdir = (parent, name) => {
    rmdir(parent, name)
    changed(parent)
  }
  operations.symlink = (parent, name, target) => {
    const made = symlink(parent, name, target)
    changed(parent)
    return made
  }
}

function watchWal(table: NodeFsTable, meters: Meters): void {
  const { stream_ops: operations } = table
  const { open, write } = operations
  const walFiles = new WeakSet<object>()
  operations.open = (stream) => {
    open(stream)
    if (table.realPath(stream.node).includes('/pg_wal/')) walFiles.add(stream.shared)
  }
  // Five parameters are emscripten's.
  // oxlint-disable-next-line max-params
  operations.write = (stream, buffer, offset, length, position) => {
    const written = write(stream, buffer, offset, length, position)
    if (walFiles.has(stream.shared)) {
      meters.add('walBytes', written)
      meters.add('walBytesSinceCheckpoint', written)
    }
    return written
  }
}

/** A folder that is gone again needs no sync; Windows cannot open one at all. */
function syncFolder(path: string): void {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
