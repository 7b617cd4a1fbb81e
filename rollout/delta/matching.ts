/**
 * Bytes of no known structure: what the target has in common with the base, found by hashes of short runs, is copied; stretches that agree in
 * most places are coded as differences; the rest is written out.
 */
import type { PartList } from './part-list.ts'

/** Bytes that are hashed: shorter runs in common cost more to name than to write. */
const RUN_BYTES = 12
/** A run that goes on where the last ended needs no place named. */
const SHORT_RUN_BYTES = 6
const MAX_ENTRIES = 1 << 20
/** A longer run that agrees throughout is a copy, whatever follows. */
const LONG_RUN_BYTES = 1_024
/** Stretches go on while of so many bytes at least half agree. */
const STRETCH_BYTES = 32
const LEAST_STRETCH_BYTES = 128

export interface Range {
  readonly from: number
  readonly to: number
}

export class Matching {
  readonly #base: Uint8Array
  readonly #target: Uint8Array
  readonly #parts: PartList
  readonly #ranges: readonly Range[]
  readonly #leastBytes: number
  #index: { readonly table: Int32Array; readonly shift: number } | null = null

  /** `ranges` of the base are searched for runs; a run in common is copied when it has `leastBytes`. */
  constructor(
    parts: PartList,
    files: { base: Uint8Array; target: Uint8Array },
    ranges: readonly Range[],
    leastBytes: number,
  ) {
    this.#parts = parts
    this.#base = files.base
    this.#target = files.target
    this.#ranges = ranges
    this.#leastBytes = Math.max(RUN_BYTES, leastBytes)
  }

  /** Adds the parts of the target's bytes in `range`. */
  add(range: Range): void {
    let written = range.from
    let at = range.from
    while (at < range.to) {
      const found = this.#runAt(at, written, range)
      if (found === null) {
        at += 1
        continue
      }
      this.#parts.literal('text', found.at - written)
      at = this.#take(found, range)
      written = at
    }
    this.#parts.literal('text', range.to - written)
  }

  /** A run in common that begins at `at`, or before it among the bytes that are not yet written. */
  #runAt(
    at: number,
    written: number,
    { to }: Range,
  ): { at: number; from: number; lengthBytes: number } | null {
    const next = this.#parts.baseEnd + at - written
    const going = this.#common(at, next, to)
    if (
      going >= Math.min(SHORT_RUN_BYTES, to - at) &&
      going > 0 &&
      (at > written || going === to - at || going >= SHORT_RUN_BYTES)
    )
      return { at, from: next, lengthBytes: going }
    if (at + RUN_BYTES > to) return null
    const { table, shift } = (this.#index ??= this.#indexed())
    const from = (table[hashAt(this.#target, at, shift)] ?? 0) - 1
    if (from < 0) return null
    const ahead = this.#common(at, from, to)
    if (ahead < RUN_BYTES) return null
    let back = 0
    while (
      at - back > written &&
      from - back > 0 &&
      this.#base[from - back - 1] === this.#target[at - back - 1]
    )
      back += 1
    return ahead + back < this.#leastBytes
      ? null
      : { at: at - back, from: from - back, lengthBytes: ahead + back }
  }

  /** Adds what begins with a run in common and returns where it ends. */
  #take({ at, from, lengthBytes }: { at: number; from: number; lengthBytes: number }, range: Range): number {
    if (lengthBytes < LONG_RUN_BYTES) {
      const { stretch, others } = this.#stretch(at, from, range.to)
      if (stretch >= Math.max(LEAST_STRETCH_BYTES, 2 * lengthBytes) && others > 3) {
        this.#parts.add({
          kind: 'weights',
          from,
          lengthBytes: stretch,
          context: 'near',
          columns: 4,
          scale: null,
        })
        return at + stretch
      }
    }
    this.#parts.copy(from, lengthBytes)
    return at + lengthBytes
  }

  /** How far the target goes on agreeing with the base in most places. */
  #stretch(at: number, from: number, to: number): { readonly stretch: number; readonly others: number } {
    const most = Math.min(to - at, this.#base.length - from)
    let [stretch, others] = [0, 0]
    for (let start = 0; start < most; start += STRETCH_BYTES) {
      let [last, same] = [0, 0]
      const end = Math.min(STRETCH_BYTES, most - start)
      for (let k = 0; k < end; k += 1)
        if (this.#base[from + start + k] === this.#target[at + start + k]) {
          same += 1
          last = k + 1
        }
      if (2 * same < end) break
      stretch = start + last
      others += last - same
    }
    return { stretch, others }
  }

  #common(at: number, from: number, to: number): number {
    const most = Math.min(to - at, this.#base.length - from)
    let length = 0
    while (length < most && this.#base[from + length] === this.#target[at + length]) length += 1
    return length
  }

  #indexed(): { readonly table: Int32Array; readonly shift: number } {
    const total = this.#ranges.reduce((sum, { from, to }) => sum + to - from, 0)
    const step = Math.max(1, Math.ceil(total / MAX_ENTRIES))
    const bits = Math.max(8, Math.min(21, 33 - Math.clz32(total / step)))
    const table = new Int32Array(1 << bits)
    for (const { from, to } of this.#ranges)
      for (let at = from; at + RUN_BYTES <= to; at += step) table[hashAt(this.#base, at, 32 - bits)] = at + 1
    return { table, shift: 32 - bits }
  }
}

function hashAt(bytes: Uint8Array, at: number, shift: number): number {
  let hash = 0
  for (let k = 0; k < RUN_BYTES; k += 4)
    hash = Math.imul(hash ^ word(bytes, at + k), 0x9e37_79b1) ^ (hash >>> 15)
  return Math.imul(hash, 0x85eb_ca6b) >>> shift
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  )
}
