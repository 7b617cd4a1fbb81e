/**
 * The journal a second time, outside of the database: what was acknowledged survives the loss of the database's folder. Lines,
 * appended and synced before the caller hears of its commit:
 *
 *     r {record}    canonical JSON, as in the database
 *     s {seal}
 *     p 1234        the centre holds all up to here
 *
 * In segments, the oldest of which go once the centre holds them and there are enough. A line that a power cut tore is cut off.
 * Payloads are not here: they can be erased, and this cannot.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { syncFolder } from '../sql/recovery/durable.ts'
import { GENESIS_HASH, type JournalRecord } from './record.ts'
import { SealSchema, type Seal } from './seal.ts'
import { parseRecord, type Head } from './stored-record.ts'

/** A segment is closed past this. */
const SEGMENT_BYTES = 4 * 1024 * 1024
/** All together, when the centre holds the oldest: more than is written between two snapshots. */
const KEPT_BYTES = 64 * 1024 * 1024
const NAME = /^(\d{16})\.journal$/

export type FileLine =
  | { readonly kind: 'record'; readonly text: string; readonly seq: number; readonly hash: string }
  | { readonly kind: 'seal'; readonly text: string; readonly seal: Seal }
  | { readonly kind: 'shipped'; readonly seq: number }

interface Found {
  readonly segments: Segment[]
  readonly head: Head
  readonly sealedTo: number
  readonly shippedSeq: number
}

interface Segment {
  readonly path: string
  readonly firstSeq: number
  sizeBytes: number
}

export interface JournalFileLimits {
  readonly segmentBytes: number
  readonly keptBytes: number
}

export class JournalFile {
  readonly #folder: string
  readonly #limits: JournalFileLimits
  #segments: Segment[]
  #handle: FileHandle | null = null
  #head: Head
  #sealedTo: number
  #shippedSeq: number
  #waiting: string[] = []
  #writing: Promise<void> = Promise.resolve()

  private constructor(folder: string, limits: JournalFileLimits, found: Found) {
    this.#folder = folder
    this.#limits = limits
    this.#segments = found.segments
    this.#head = found.head
    this.#sealedTo = found.sealedTo
    this.#shippedSeq = found.shippedSeq
  }

  /** Opens the file in `folder`, made when missing; a torn end is cut off. */
  static async open(
    folder: string,
    limits: JournalFileLimits = { segmentBytes: SEGMENT_BYTES, keptBytes: KEPT_BYTES },
  ): Promise<JournalFile> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const segments: Segment[] = []
    for (const name of (await readdir(folder)).sort()) {
      const first = NAME.exec(name)?.[1]
      if (first === undefined) continue
      const path = join(folder, name)
      segments.push({ path, firstSeq: Number(first), sizeBytes: (await stat(path)).size })
    }
    const last = segments.at(-1)
    if (last !== undefined) last.sizeBytes = await cutTornEnd(last.path)
    return new JournalFile(folder, limits, { segments, ...(await endOf(segments)) })
  }

  /** The last record that was appended: seq 0 for none. */
  get head(): Head {
    return this.#head
  }

  /** The last record under a seal that was appended; 0 for none. */
  get sealedTo(): number {
    return this.#sealedTo
  }

  /** What the centre holds of it, as far as the file knows. */
  get shippedSeq(): number {
    return this.#shippedSeq
  }

  /** Appends records that follow on {@link head}; resolves when they are on the disk. Calls share a sync. */
  async appendRecords(
    records: readonly { readonly record: JournalRecord; readonly text: string }[],
  ): Promise<void> {
    const last = records.at(-1)?.record
    if (last === undefined) return
    this.#head = { seq: last.seq, hash: last.hash }
    await this.#append(records.map(({ text }) => `r ${text}\n`).join(''))
  }

  async appendSeal({ to }: Pick<Seal, 'to'>, text: string): Promise<void> {
    this.#sealedTo = to
    await this.#append(`s ${text}\n`)
  }

  /** The centre holds all up to `seq`: segments of which that is true may go. */
  async noteShipped(seq: number): Promise<void> {
    this.#shippedSeq = seq
    await this.#append(`p ${seq}\n`)
  }

  /** Every line that can be read, in order. A segment's unreadable line ends that segment. */
  async *lines(): AsyncGenerator<FileLine> {
    for (const { path } of this.#segments)
      for (const text of (await readFile(path, 'utf8')).split('\n')) {
        const line = lineOf(text)
        if (line === null) break
        yield line
      }
  }

  /** Puts all that is there aside, as one folder beside it, and begins anew: its chain is not the database's. */
  async startOver(): Promise<void> {
    await this.close()
    const aside = `${this.#folder}.damaged`
    await rm(aside, { recursive: true, force: true })
    await rename(this.#folder, aside)
    await mkdir(this.#folder, { mode: 0o700 })
    await syncFolder(join(this.#folder, '..'))
    this.#segments = []
    this.#head = { seq: 0, hash: GENESIS_HASH }
    this.#sealedTo = 0
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined)
    await this.#handle?.close()
    this.#handle = null
  }

  async #append(text: string): Promise<void> {
    this.#waiting.push(text)
    const before = this.#writing
    this.#writing = before.catch(() => undefined).then(async () => await this.#write())
    await this.#writing
  }

  /** Writes all that waits with one sync; whoever came meanwhile finds nothing left to write. */
  async #write(): Promise<void> {
    const text = this.#waiting.splice(0).join('')
    if (text === '') return
    const handle = await this.#target(text)
    await handle.appendFile(text)
    await handle.datasync()
    const current = this.#segments.at(-1)
    if (current !== undefined) current.sizeBytes += Buffer.byteLength(text)
    await this.#prune()
  }

  async #target(text: string): Promise<FileHandle> {
    const current = this.#segments.at(-1)
    if (current === undefined || current.sizeBytes >= this.#limits.segmentBytes) {
      await this.#handle?.close()
      const firstSeq = firstSeqOf(text) ?? this.#head.seq + 1
      const path = join(this.#folder, `${String(firstSeq).padStart(16, '0')}.journal`)
      this.#handle = await open(path, 'a', 0o600)
      await syncFolder(this.#folder)
      this.#segments.push({ path, firstSeq, sizeBytes: 0 })
    }
    const last = this.#segments.at(-1)
    this.#handle ??= await open(last?.path ?? '', 'a', 0o600)
    return this.#handle
  }

  async #prune(): Promise<void> {
    let total = this.#segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    for (;;) {
      const [oldest, next] = this.#segments
      if (oldest === undefined || next === undefined) return
      if (total <= this.#limits.keptBytes || next.firstSeq - 1 > this.#shippedSeq) return
      await rm(oldest.path, { force: true })
      total -= oldest.sizeBytes
      this.#segments.shift()
    }
  }
}

function lineOf(text: string): FileLine | null {
  if (text.startsWith('p ')) return { kind: 'shipped', seq: Number(text.slice(2)) }
  if (text.startsWith('s ')) return sealLine(text.slice(2))
  if (!text.startsWith('r ')) return null
  const record = recordOf(text.slice(2))
  return record === null ? null : { kind: 'record', text: text.slice(2), seq: record.seq, hash: record.hash }
}

function sealLine(text: string): FileLine | null {
  try {
    return { kind: 'seal', text, seal: v.parse(SealSchema, JSON.parse(text)) }
  } catch {
    return null // As with a record.
  }
}

function recordOf(text: string): JournalRecord | null {
  try {
    return parseRecord(text)
  } catch {
    return null // Cut short or changed: the reader stops there.
  }
}

function firstSeqOf(text: string): number | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith('r '))
  return line === undefined ? null : (recordOf(line.slice(2))?.seq ?? null)
}

/** What follows the last whole line was never acknowledged. */
async function cutTornEnd(path: string): Promise<number> {
  const bytes = await readFile(path)
  const end = bytes.lastIndexOf(0x0a) + 1
  if (end < bytes.length) await truncate(path, end)
  return end
}

async function endOf(segments: readonly Segment[]): Promise<Omit<Found, 'segments'>> {
  let head: Head | null = null
  let sealedTo: number | null = null
  let shippedSeq: number | null = null
  for (const { path } of segments.toReversed()) {
    if (head !== null && sealedTo !== null && shippedSeq !== null) break
    for (const text of (await readFile(path, 'utf8')).split('\n').toReversed()) {
      const line = lineOf(text)
      if (line?.kind === 'record') head ??= { seq: line.seq, hash: line.hash }
      if (line?.kind === 'seal') sealedTo ??= line.seal.to
      if (line?.kind === 'shipped') shippedSeq ??= line.seq
      if (head !== null && sealedTo !== null && shippedSeq !== null) break
    }
  }
  return {
    head: head ?? { seq: 0, hash: GENESIS_HASH },
    sealedTo: sealedTo ?? 0,
    shippedSeq: shippedSeq ?? 0,
  }
}
