/**
 * What is known of a database that was damaged, beside it and synced before anything is moved: a cut in the middle of a
 * recovery goes on with it, and none is ever silent.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { replaceDurably } from './durable.ts'

export const RUNGS = ['reopened', 'snapshot', 'template'] as const
/** How a database that did not open came to be open again. */
export type Rung = (typeof RUNGS)[number]

const Text = v.pipe(v.string(), v.maxLength(2_000))
const Time = v.pipe(v.string(), v.isoTimestamp())
const NoteSchema = v.variant('phase', [
  /** Damage was met while it was open; the next opening does not trust the folder. */
  v.strictObject({ v: v.literal(1), phase: v.literal('suspected'), reason: Text, at: Time }),
  /** The damaged folder is moved aside and another made; to be done over when cut short. */
  v.strictObject({ v: v.literal(1), phase: v.literal('climbing'), reason: Text, at: Time }),
  /** Open again; what the journal holds beyond it has yet to be laid back, and the recovery to be recorded. */
  v.strictObject({
    v: v.literal(1),
    phase: v.literal('restored'),
    reason: Text,
    at: Time,
    rung: v.picklist(RUNGS),
    snapshotAt: v.nullable(Time),
  }),
  /** All is done; kept for `starling status` and `starling doctor`. */
  v.strictObject({
    v: v.literal(1),
    phase: v.literal('settled'),
    reason: Text,
    at: Time,
    rung: v.picklist(RUNGS),
    snapshotAt: v.nullable(Time),
    replayed: v.number(),
  }),
])
export type RecoveryNote = v.InferOutput<typeof NoteSchema>

/** In the database's folder, beside `pgdata`. */
const NOTE_FILE = 'recovery.json'

/** Null when there is none, or none that can be read. */
export async function readNote(dir: string): Promise<RecoveryNote | null> {
  try {
    const parsed = v.safeParse(NoteSchema, JSON.parse(await readFile(join(dir, NOTE_FILE), 'utf8')))
    return parsed.success ? parsed.output : null
  } catch {
    return null
  }
}

export async function writeNote(dir: string, note: RecoveryNote): Promise<void> {
  await replaceDurably(join(dir, NOTE_FILE), JSON.stringify(note))
}

/** For people: which rung it was, when, and why. */
export function recoveryWords(recovery: {
  readonly rung: string
  readonly reason: string
  readonly at: string
  readonly snapshotAt: string | null
}): string {
  const from = recovery.snapshotAt === null ? '' : ` of ${recovery.snapshotAt}`
  return `recovered at ${recovery.at} (${recovery.rung}${from}): ${recovery.reason}`
}
