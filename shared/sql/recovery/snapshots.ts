/**
 * Copies of the database folder beside it, made while it stands still, verified before they count and before they are used.
 * A damaged folder is never copied: it would push out the last good one.
 */
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { StarlingError } from '../../errors.ts'
import { renameDurably } from './durable.ts'
import { findBadPage } from './page-checksums.ts'
import { snapshotHead, unpackSnapshot, verifySnapshot, writeSnapshot } from './snapshot-file.ts'

/** The last, and one before it in case the last turns out to be bad. */
const KEPT = 2
/** A larger database has no snapshots: its device fetches it anew. */
const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024
/** Of the disk, left to everything else. */
const SPARE_BYTES = 128 * 1024 * 1024
/** A quarter of a working day; what came since is in the journal. */
export const SNAPSHOT_EVERY_MS = 2 * 60 * 60_000
/** Some ten thousand effects: so much may come before the time does. */
export const SNAPSHOT_EVERY_WAL_BYTES = 48 * 1024 * 1024

const NAME = /^(\d{15})\.snapshot$/

/** A page of the open database fails its checksum: what it says next may be wrong. */
export class PageDamaged extends StarlingError {
  override readonly code = 'database_page_damaged'

  constructor(file: string, block: number) {
    super(`page ${block} of ${file} fails its checksum`, {
      remedy:
        'Start Starling again: the database is taken from its last snapshot and what the journal holds.',
      details: { file, block },
    })
  }
}

/** No snapshot is made, and nothing is wrong: the database is too large, or the disk too full. */
export class SnapshotSkipped extends StarlingError {
  override readonly code = 'database_snapshot_skipped'
}

export interface SnapshotPlace {
  readonly path: string
  readonly atMs: number
}

/** What a snapshot is made of. `walFrom` and `walTo` are the first and last segments that its recovery needs. */
export interface StillDatabase {
  readonly dataDir: string
  readonly walFrom: string
  readonly walTo: string
  /** Its relations (`relationPaths`). */
  readonly relations: readonly string[]
}

/** Newest first. A folder that is not there has none. */
export async function listSnapshots(folder: string): Promise<readonly SnapshotPlace[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .map((name) => ({ path: join(folder, name), atMs: Number(NAME.exec(name)?.[1] ?? Number.NaN) }))
    .filter(({ atMs }) => !Number.isNaN(atMs))
    .toSorted((a, b) => b.atMs - a.atMs)
}

/**
 * Copies `still` into `folder`, verifies the copy, gives it its name and removes what is too old. Throws {@link PageDamaged},
 * {@link SnapshotSkipped}, or the disk's error.
 */
export async function takeSnapshot(
  folder: string,
  still: StillDatabase,
  clock: Clock,
): Promise<SnapshotPlace> {
  const { dataDir } = still
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await removeUnfinished(folder)
  const bad = await findBadPage(dataDir, still.relations)
  if (bad !== null) throw new PageDamaged(bad.file, bad.block)
  const atMs = clock.nowMs()
  const head = await snapshotHead(dataDir, {
    at: new Date(atMs).toISOString(),
    leaveOut: (path) => isLeftOut(path, still),
  })
  const sizeBytes = head.files.reduce((sum, file) => sum + file.sizeBytes, 0)
  await refuseWithoutRoom(folder, sizeBytes)
  const aside = join(folder, 'snapshot.unfinished')
  await writeSnapshot(aside, dataDir, head)
  await verifySnapshot(aside)
  const path = join(folder, `${String(atMs).padStart(15, '0')}.snapshot`)
  await renameDurably(aside, path)
  for (const old of (await listSnapshots(folder)).slice(KEPT)) await rm(old.path, { force: true })
  return { path, atMs }
}

/** Verifies the snapshot and makes `dataDir`, which must not be there, of it: whole or not at all. */
export async function placeSnapshot(path: string, dataDir: string): Promise<void> {
  await verifySnapshot(path)
  const aside = `${dataDir}.restoring`
  await rm(aside, { recursive: true, force: true })
  await unpackSnapshot(path, aside)
  await renameDurably(aside, dataDir)
}

/** Segments before the last checkpoint, and those kept for reuse, are of no use to a copy. */
function isLeftOut(path: string, { walFrom, walTo }: StillDatabase): boolean {
  if (path === 'postmaster.pid' || path === 'base/pgsql_tmp') return true
  const segment = /^pg_wal\/([0-9A-F]{24})$/.exec(path)?.[1]
  return segment !== undefined && (segment < walFrom || segment > walTo)
}

async function refuseWithoutRoom(folder: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const why =
    sizeBytes > MAX_SNAPSHOT_BYTES
      ? `the database has ${sizeBytes} bytes, a snapshot at most ${MAX_SNAPSHOT_BYTES}`
      : bavail * bsize < sizeBytes + SPARE_BYTES
        ? 'the disk has too little room'
        : null
  if (why === null) return
  throw new SnapshotSkipped(`no snapshot was made: ${why}`, {
    remedy: 'None is needed: a database that is lost is fetched anew from the centre.',
  })
}

async function removeUnfinished(folder: string): Promise<void> {
  await rm(join(folder, 'snapshot.unfinished'), { force: true })
}

/** Bytes of all snapshots together. */
export async function snapshotBytes(folder: string): Promise<number> {
  let bytes = 0
  for (const { path } of await listSnapshots(folder)) bytes += (await stat(path)).size
  return bytes
}
