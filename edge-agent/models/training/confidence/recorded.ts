/** What people/recordings.py and people/dialogues.py wrote: recordings one after the other in a file, and a line about each. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { wordsOf } from '../../../intent/normalise.ts'

const BYTES = 2
const FULL_SCALE = 32_768
/** Longer lines are no commands. */
const MOST_WORDS = 10

const Rows = v.array(v.object({ of: v.string(), samples: v.number(), text: v.optional(v.string()) }))

export interface Recorded {
  /** The package, and the language or voice, that it is from. */
  readonly of: string
  /** What is said, in the recogniser's words; empty where nobody knows, or where a number or a sigh is written. */
  readonly said: string
  /** Mono at 16 kHz. */
  samples(): Float32Array
}

/** `name`.json and `name`.i16 in `folder`. */
export function recordedIn(folder: string, name: string): readonly Recorded[] {
  const path = join(folder, `${name}.i16`)
  let end = 0
  return v.parse(Rows, JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))).map(({ of, samples, text = '' }) => {
    const from = end
    end += samples
    return { of, said: saidIn(text), samples: () => read(path, from, samples) }
  })
}

function saidIn(text: string): string {
  const words = /^[a-z' ,.!?-]+$/i.test(text) ? wordsOf(text) : []
  return words.length <= MOST_WORDS ? words.join(' ') : ''
}

function read(path: string, from: number, count: number): Float32Array {
  const bytes = Buffer.alloc(BYTES * count)
  const file = openSync(path, 'r')
  try {
    if (readSync(file, bytes, 0, bytes.length, BYTES * from) < bytes.length)
      throw new RangeError(`${path} ends before sample ${from + count}: make it again`)
  } finally {
    closeSync(file)
  }
  return Float32Array.from({ length: count }, (_, at) => bytes.readInt16LE(BYTES * at) / FULL_SCALE)
}
