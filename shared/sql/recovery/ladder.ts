/**
 * What is done when a device's database does not open, or opens and is not whole, in this order:
 *
 *   reopened   what PostgreSQL makes anew by itself is removed, what is the same in every database put back, and it is opened
 *              once more
 *   snapshot   the damaged folder is moved aside (one is kept, to be looked at), the newest snapshot that holds takes its place
 *   template   a fresh database does; the centre fills it again
 *
 * Each rung is noted beside the database, synced, before anything is moved, so that a cut on the way goes on with it. What was
 * acknowledged after the snapshot stands in the journal's own file, from which the caller lays it back (shared/journal/lay-back.ts).
 */
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { StarlingError } from '../../errors.ts'
import { DiskFull } from '../errors.ts'
import { isNoSpace } from '../no-space.ts'
import type { Queryable } from '../port.ts'
import { mendConstants, placeTemplate } from '../template/place-template.ts'
import { decodeAnswer } from '../wire/values.ts'
import type { WorkerLink } from '../worker-link.ts'
import { renameDurably } from './durable.ts'
import { readNote, writeNote, type RecoveryNote, type Rung } from './note.ts'
import { findBadPage, relationPaths } from './page-checksums.ts'
import { listSnapshots, placeSnapshot, SnapshotSkipped } from './snapshots.ts'

/** What the owner knows of its database. */
export interface Owner {
  /** True when there was one: a folder that is missing is then damage, not a first start. */
  readonly wasHere: boolean
  /** What a database that opened lacks of what was acknowledged; null when it lacks nothing. */
  fault(sql: Queryable): Promise<string | null>
}

/** A recovery that its owner has yet to finish and to record (`settleRecovery`). */
export interface Recovery {
  readonly rung: Rung
  readonly reason: string
  readonly at: string
  /** When the snapshot was made; null for other rungs. */
  readonly snapshotAt: string | null
}

export interface Ladder {
  /** The database's folder; `dataDir` lies in it. */
  readonly dir: string
  readonly dataDir: string
  readonly clock: Clock
  readonly owner: Owner
  readonly signal: AbortSignal | undefined
  /** One try. */
  start(): Promise<WorkerLink>
}

interface Opened {
  readonly link: WorkerLink
  readonly recovery: Recovery | null
}

/** The damaged folder, kept until the next one. */
export const DAMAGED_FOLDER = 'pgdata.damaged'
export const SNAPSHOT_FOLDER = 'snapshots'
/** Reasons are kept in a note and in a record. */
const MAX_REASON_CHARS = 1_000

/** Opens by whichever rung holds. Throws DiskFull, TemplateDamaged, the signal's reason, or what the last rung failed with. */
export async function openByLadder(ladder: Ladder): Promise<Opened> {
  const { dir, dataDir } = ladder
  const note = await readNote(dir)
  if (note?.phase === 'climbing') return await replace(ladder, note.reason)
  if (note?.phase === 'suspected') return await giveUp(ladder, note.reason)
  const standing = note?.phase === 'restored' ? note : null
  if (!existsSync(dataDir)) {
    const isNew = !ladder.owner.wasHere && (await listSnapshots(join(dir, SNAPSHOT_FOLDER))).length === 0
    if (!isNew) return await giveUp(ladder, 'the database folder is gone')
    await placeTemplate(dataDir)
    return { link: await ladder.start(), recovery: null }
  }
  const first = await tried(ladder)
  if (first.kind === 'open') {
    const fault = await lacking(ladder, first.link, standing)
    return fault === null ? { link: first.link, recovery: standing } : await giveUp(ladder, fault)
  }
  await mend(dataDir)
  const second = await tried(ladder)
  if (second.kind === 'failed') return await giveUp(ladder, `${first.why}; then: ${second.why}`)
  const fault = await lacking(ladder, second.link, standing)
  if (fault !== null) return await giveUp(ladder, fault)
  const recovery =
    standing ?? (await noteRestored(ladder, { rung: 'reopened', reason: first.why, snapshotAt: null }))
  return { link: second.link, recovery }
}

/** A recovery that was cut short before its owner laid back what the journal holds lacks that, and nothing is wrong with it. */
async function lacking(
  { owner }: Ladder,
  link: WorkerLink,
  standing: RecoveryNote | null,
): Promise<string | null> {
  const fault = standing === null ? await owner.fault(queryOver(link)) : null
  if (fault !== null) await link.terminate()
  return fault
}

type Tried =
  | { readonly kind: 'open'; readonly link: WorkerLink }
  | { readonly kind: 'failed'; readonly why: string }

/** Opens and verifies every page. */
async function tried(ladder: Ladder): Promise<Tried> {
  let link: WorkerLink
  try {
    link = await ladder.start()
  } catch (thrown) {
    ladder.signal?.throwIfAborted()
    if (thrown instanceof StarlingError) throw thrown
    return { kind: 'failed', why: reasonOf(thrown) }
  }
  try {
    const bad = await findBadPage(ladder.dataDir, await relationPaths(queryOver(link)))
    if (bad === null) return { kind: 'open', link }
    await link.terminate()
    return { kind: 'failed', why: `page ${bad.block} of ${bad.file} fails its checksum` }
  } catch (thrown) {
    await link.terminate()
    ladder.signal?.throwIfAborted()
    return { kind: 'failed', why: reasonOf(thrown) }
  }
}

async function giveUp(ladder: Ladder, reason: string): Promise<Opened> {
  await rm(join(ladder.dir, DAMAGED_FOLDER), { recursive: true, force: true })
  return await replace(ladder, reason.slice(0, MAX_REASON_CHARS))
}

/** From a snapshot, else from the template. May be done over from any point. */
async function replace(ladder: Ladder, reason: string): Promise<Opened> {
  const { dir, dataDir, clock } = ladder
  await writeNote(dir, { v: 1, phase: 'climbing', reason, at: new Date(clock.nowMs()).toISOString() })
  const damaged = join(dir, DAMAGED_FOLDER)
  // A candidate of a try that was cut short.
  if (existsSync(damaged)) await rm(dataDir, { recursive: true, force: true })
  else if (existsSync(dataDir)) await renameDurably(dataDir, damaged)
  const faults: string[] = []
  for (const { path, atMs } of await listSnapshots(join(dir, SNAPSHOT_FOLDER))) {
    const fresh = await fromSnapshot(ladder, path)
    if (fresh.kind === 'open') {
      const facts = {
        rung: 'snapshot',
        reason: allOf(reason, faults),
        snapshotAt: new Date(atMs).toISOString(),
      } as const
      return { link: fresh.link, recovery: await noteRestored(ladder, facts) }
    }
    faults.push(fresh.why)
    await rm(dataDir, { recursive: true, force: true })
    await rm(path, { force: true })
  }
  await placeTemplate(dataDir)
  const link = await ladder.start()
  const facts = { rung: 'template', reason: allOf(reason, faults), snapshotAt: null } as const
  return { link, recovery: await noteRestored(ladder, facts) }
}

async function fromSnapshot(ladder: Ladder, path: string): Promise<Tried> {
  try {
    await placeSnapshot(path, ladder.dataDir)
  } catch (thrown) {
    ladder.signal?.throwIfAborted()
    // What fails for want of space would fail for every other rung too, and the snapshot may be good.
    if (isNoSpace(thrown) || thrown instanceof SnapshotSkipped)
      throw new DiskFull(ladder.dir, 'not-applied', thrown)
    return { kind: 'failed', why: reasonOf(thrown) }
  }
  return await tried(ladder)
}

async function noteRestored({ dir, clock }: Ladder, facts: Omit<Recovery, 'at'>): Promise<Recovery> {
  const recovery = { ...facts, at: new Date(clock.nowMs()).toISOString() }
  await writeNote(dir, { v: 1, phase: 'restored', ...recovery })
  return recovery
}

/** Its owner has laid back `replayed` records and recorded the recovery: it is over, and stays to be shown. */
export async function settleRecovery(
  dir: string,
  { rung, reason, at, snapshotAt }: Recovery,
  replayed: number,
): Promise<void> {
  await writeNote(dir, { v: 1, phase: 'settled', rung, reason, at, snapshotAt, replayed })
}

/** Damage was met in the open database: the next opening begins with the snapshot. */
export async function suspect(dir: string, reason: string, clock: Clock): Promise<void> {
  const at = new Date(clock.nowMs()).toISOString()
  await writeNote(dir, { v: 1, phase: 'suspected', reason: reason.slice(0, MAX_REASON_CHARS), at })
}

/** Neither holds anybody's data: caches and locks that a start writes anew, and what came with the template. */
async function mend(dataDir: string): Promise<void> {
  const databases = await readdir(join(dataDir, 'base')).catch(() => [])
  for (const folder of ['global', ...databases.map((name) => `base/${name}`)])
    await rm(join(dataDir, folder, 'pg_internal.init'), { force: true })
  for (const name of ['postmaster.pid', 'postmaster.opts', 'pg_stat/pgstat.stat'])
    await rm(join(dataDir, name), { force: true })
  await mendConstants(dataDir)
}

function queryOver(link: WorkerLink): Queryable {
  return {
    query: async <R extends Readonly<Record<string, never>>>(text: string, params = []) => {
      const bytes = await link.send({ kind: 'query', scope: 'alone', text, params })
      return decodeAnswer(bytes).rows as readonly R[]
    },
  } as Queryable
}

function allOf(reason: string, faults: readonly string[]): string {
  return [reason, ...faults].join('; then: ').slice(0, MAX_REASON_CHARS)
}

function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, MAX_REASON_CHARS)
}
