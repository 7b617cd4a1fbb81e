/**
 * Recordings of commands that their speaker confirmed, on the device alone: the sound as an encrypted blob, and a line of JSON that names it.
 * The line is written last, so that what is listed is whole; the oldest goes when there are too many, and each after
 * {@link KEEP_RECORDINGS_DAYS}.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { openBlobStore } from '../blobs/blob-store.ts'
import type { Entry } from '../evaluation/manifest.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'

/** Some 100 MB of commands of three seconds: more teaches little. */
export const MAX_RECORDINGS = 1_000
/** A voice, a room and a microphone change; what is older teaches little, and is somebody's voice. */
export const KEEP_RECORDINGS_DAYS = 365
const DAY_MS = 86_400_000

const KeptSchema = v.strictObject({
  turn: v.pipe(v.string(), v.regex(/^[0-9a-f-]{36}$/)),
  text: v.pipe(v.string(), v.minLength(1), v.maxLength(2_000)),
  sampleRateHz: v.pipe(v.number(), v.integer(), v.minValue(1)),
  seconds: v.pipe(v.number(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  at: v.pipe(v.string(), v.isoTimestamp()),
})
export type Kept = v.InferOutput<typeof KeptSchema>

export interface Recordings {
  readonly folder: string
  /** Oldest first. */
  list(): Promise<readonly Kept[]>
  has(turn: string): Promise<boolean>
  /** Lets go, too, what is too old or too much by then. */
  keep(kept: Kept, wav: Uint8Array): Promise<void>
  /** A WAV file. Throws `BlobUnreadable`. */
  sound(kept: Kept): Uint8Array
  /** Those whose sound is gone or was changed on the disk. */
  damaged(): Promise<readonly Kept[]>
  /** Lets go what is too old at `nowMs`, and sounds that no line names. */
  tidy(nowMs: number): Promise<void>
  /** Removes them all; returns how many there were. */
  forget(): Promise<number>
}

/** `secret` is the device's own: see {@link openBlobStore}. */
export function openRecordings(folder: string, disk: Disk, secret: Uint8Array): Recordings {
  const blobs = openBlobStore(join(folder, 'sounds'), disk, secret)
  const lineOf = (turn: string): string => join(folder, `${turn}.json`)
  const names = async (): Promise<readonly string[]> => await readdir(folder).catch(() => [])
  const list = async (): Promise<readonly Kept[]> => {
    const lines = (await names()).filter((name) => name.endsWith('.json')).toSorted()
    const read = await Promise.all(
      lines.map(async (name) => v.safeParse(KeptSchema, await jsonOf(join(folder, name)))),
    )
    return read.flatMap((parsed) => (parsed.success ? [parsed.output] : []))
  }
  const tidy = async (nowMs: number): Promise<void> => {
    await sealPlain()
    const all = await list()
    const tooMuch = all.length - MAX_RECORDINGS
    const old = all.filter(
      ({ at }, index) => index < tooMuch || Date.parse(at) < nowMs - KEEP_RECORDINGS_DAYS * DAY_MS,
    )
    for (const { turn } of old) await disk.remove(lineOf(turn))
    const gone = new Set(old)
    await blobs.collect(new Set(all.filter((kept) => !gone.has(kept)).map(({ sha256 }) => sha256)))
  }
  /** Recordings of before they were encrypted. */
  const sealPlain = async (): Promise<void> => {
    for (const { turn } of await list()) {
      const plain = join(folder, `${turn}.wav`)
      if (!existsSync(plain)) continue
      await blobs.put(await readFile(plain))
      await disk.remove(plain)
    }
  }
  return {
    folder,
    list,
    tidy,
    has: async (turn) => (await names()).includes(`${turn}.json`),
    sound: ({ sha256 }) => blobs.read(sha256),
    damaged: async () => (await list()).filter(({ sha256 }) => !blobs.isWhole(sha256)),
    keep: async (kept, wav) => {
      await blobs.put(wav)
      await replaceFile(disk, lineOf(kept.turn), new TextEncoder().encode(JSON.stringify(kept)))
      await tidy(Date.parse(kept.at))
    },
    forget: async () => {
      const all = await list()
      // Halves that a loss of power left go too.
      await disk.remove(folder)
      return all.length
    },
  }
}

/** The recordings as a manifest's entries. */
export function entriesOf(recordings: Recordings, kept: readonly Kept[]): readonly Entry[] {
  return kept.map((one, index) => ({
    line: index + 1,
    audio: `${one.turn}.wav`,
    path: join(recordings.folder, `${one.turn}.json`),
    read: () => recordings.sound(one),
    text: one.text,
    slots: {},
    set: 'confirmed',
  }))
}

async function jsonOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return null
  }
}
