/**
 * A manifest of recordings: one JSON object a line, `{"audio", "text"?, "intent"?, "slots"?, "set"?, "channel"?}`, paths
 * relative to the manifest. `"intent": null` says that the recording is no command.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'

/** A manifest is read whole: at some 200 bytes a line this is a quarter of a million recordings. */
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024

/** The manifest, or a recording that it names, cannot be used: the message says which line and why. */
export class ManifestRefused extends StarlingError {
  override readonly code = 'manifest_refused'
}

const Value = v.union([v.string(), v.number(), v.boolean()])
const KNOWN = {
  audio: v.pipe(v.string(), v.minLength(1)),
  text: v.optional(v.nullable(v.string()), null),
  intent: v.optional(v.nullable(v.pipe(v.string(), v.minLength(1)))),
  slots: v.optional(v.nullable(v.record(v.string(), Value)), null),
  set: v.optional(v.string(), 'all'),
  channel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(15))),
}
const Line = v.object(KNOWN)

export interface Entry {
  readonly line: number
  /** As the manifest writes it, and where it lies. */
  readonly audio: string
  readonly path: string
  /** Its bytes, where the file at `path` is not they. */
  readonly read?: () => Uint8Array
  readonly text: string | null
  /** Absent when the manifest does not say; null when the recording is no command. */
  readonly intent?: string | null | undefined
  readonly slots: Readonly<Record<string, string | number | boolean>>
  readonly set: string
  readonly channel?: number | undefined
}

export interface Manifest {
  readonly entries: readonly Entry[]
  /** Keys that mean nothing here, and on how many lines each stands. */
  readonly ignoredKeys: Readonly<Record<string, number>>
}

/** Throws {@link ManifestRefused}, naming the line. */
export function readManifest(path: string): Manifest {
  const text = readText(path)
  const folder = dirname(resolve(path))
  const ignored: Record<string, number> = {}
  const entries = text.split('\n').flatMap((content, index) => {
    if (content.trim() === '') return []
    const line = index + 1
    const value = parseLine(content, { path, line })
    for (const key of Object.keys(value))
      if (!Object.hasOwn(KNOWN, key)) ignored[key] = (ignored[key] ?? 0) + 1
    return [toEntry(value, { path, line, folder })]
  })
  if (entries.length === 0)
    throw new ManifestRefused(`${path} names no recording`, {
      remedy: 'Write one JSON object a line, for instance {"audio":"a.wav","text":"next step"}.',
    })
  return { entries, ignoredKeys: ignored }
}

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new ManifestRefused(`the manifest ${path} cannot be read: ${(cause as Error).message}`, {
      remedy: 'Give the path of a file with one JSON object a line.',
      cause,
    })
  }
  if (bytes.length > MAX_MANIFEST_BYTES)
    throw new ManifestRefused(`the manifest ${path} is larger than ${MAX_MANIFEST_BYTES / 2 ** 20} MB`, {
      remedy: 'Split it into several.',
    })
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

function parseLine(content: string, at: { path: string; line: number }): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (cause) {
    throw refuse(at, `it is not JSON: ${(cause as Error).message}`)
  }
  throw refuse(at, 'it is not a JSON object')
}

function toEntry(value: unknown, at: { path: string; line: number; folder: string }): Entry {
  const parsed = v.safeParse(Line, value)
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw refuse(at, `${v.getDotPath(issue) ?? 'the line'}: ${issue.message}`)
  }
  const { audio, slots, ...rest } = parsed.output
  if (slots !== null && Object.keys(slots).length > 0 && typeof rest.intent !== 'string')
    throw refuse(at, 'it has slots but no intent')
  const path = resolve(at.folder, audio)
  if (!existsSync(path)) throw refuse(at, `there is no recording ${path}`)
  return { line: at.line, audio, path, slots: slots ?? {}, ...rest }
}

function refuse(at: { path: string; line: number }, why: string): ManifestRefused {
  return new ManifestRefused(`${at.path}, line ${at.line}: ${why}`, {
    remedy:
      'Mend that line: {"audio": FILE, "text"?: WORDS, "intent"?: NAME or null, "slots"?: {NAME: VALUE}, "set"?, "channel"?}.',
    details: { line: at.line },
  })
}
