/** Bytes by position, of a file that may be larger than what should be held, or of memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { ModelFileRefused } from './model-file-refused.ts'

export interface ByteSource {
  /** What messages call it. */
  readonly name: string
  readonly sizeBytes: number
  /** `length` bytes from `at`, which the caller keeps inside the size; valid until the next call. */
  read(at: number, length: number): Uint8Array
}

/** Most fields are a few bytes: one read of the disk serves thousands of them. */
const WINDOW_BYTES = 64 * 1024

export function bytesInMemory(name: string, bytes: Uint8Array): ByteSource {
  return { name, sizeBytes: bytes.length, read: (at, length) => bytes.subarray(at, at + length) }
}

/** Opens a file for the length of `use`. Throws {@link ModelFileRefused} when it cannot be read. */
export function withFile<T>(path: string, name: string, use: (source: ByteSource) => T): T {
  const file = openReadable(path, name)
  try {
    return use(fileSource(file, name))
  } finally {
    closeSync(file)
  }
}

function openReadable(path: string, name: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new ModelFileRefused('unreadable', {
      file: name,
      found: `no readable file (${(cause as Error).message})`,
      expected: 'a model file',
      remedy: 'Give the path of a file that you may read.',
      cause,
    })
  }
}

function fileSource(file: number, name: string): ByteSource {
  const facts = fstatSync(file)
  if (!facts.isFile())
    throw new ModelFileRefused('unreadable', {
      file: name,
      found: 'something that is no file',
      expected: 'a file',
    })
  let window: Uint8Array = new Uint8Array(0)
  let start = 0
  return {
    name,
    sizeBytes: facts.size,
    read(at, length) {
      if (at < start || at + length > start + window.length) {
        window = readWhole(file, at, Math.min(Math.max(length, WINDOW_BYTES), facts.size - at))
        start = at
      }
      return window.subarray(at - start, at - start + length)
    },
  }
}

function readWhole(file: number, at: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const read = readSync(file, out, done, length - done, at + done)
    if (read === 0) break
    done += read
  }
  return out.subarray(0, done)
}
