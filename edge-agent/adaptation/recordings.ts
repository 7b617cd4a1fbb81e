/**
 * Recordings of commands that their speaker confirmed, on the device alone: a WAV and a line of JSON each. The line is written
 * last, so that what is listed is whole; the oldest goes when there are too many.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Entry } from '../evaluation/manifest.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'

/** Some 100 MB of commands of three seconds: more teaches little. */
export const MAX_RECORDINGS = 1_000

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
  keep(kept: Kept, wav: Uint8Array): Promise<void>
  /** Removes them all; returns how many there were. */
  forget(): Promise<number>
}

export function openRecordings(folder: string, disk: Disk): Recordings {
  const soundOf = (turn: string): string => join(folder, `${turn}.wav`)
  const lineOf = (turn: string): string => join(folder, `${turn}.json`)
  const names = async (): Promise<readonly string[]> => await readdir(folder).catch(() => [])
  const list = async (): Promise<readonly Kept[]> => {
    const lines = (await names()).filter((name) => name.endsWith('.json')).toSorted()
    const read = await Promise.all(
      lines.map(async (name) => v.safeParse(KeptSchema, await jsonOf(join(folder, name)))),
    )
    return read.flatMap((parsed) => (parsed.success ? [parsed.output] : []))
  }
  const remove = async (turn: string): Promise<void> => {
    await disk.remove(lineOf(turn))
    await disk.remove(soundOf(turn))
  }
  return {
    folder,
    list,
    has: async (turn) => (await names()).includes(`${turn}.json`),
    keep: async (kept, wav) => {
      await disk.makeFolder(folder)
      await replaceFile(disk, soundOf(kept.turn), wav)
      await replaceFile(disk, lineOf(kept.turn), new TextEncoder().encode(JSON.stringify(kept)))
      const all = await list()
      for (const old of all.slice(0, Math.max(0, all.length - MAX_RECORDINGS))) await remove(old.turn)
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
export function entriesOf(folder: string, kept: readonly Kept[]): readonly Entry[] {
  return kept.map(({ turn, text }, index) => ({
    line: index + 1,
    audio: `${turn}.wav`,
    path: join(folder, `${turn}.wav`),
    text,
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
