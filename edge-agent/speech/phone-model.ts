/** The acoustic model's own tables: phones, which senones a triphone has, and how long a state stays. */
import * as v from 'valibot'
import { brotliDecompressSync } from 'node:zlib'
import { ModelRefused } from './errors.ts'

/** Where in its word a phone stands; the order is that of the model's table. */
export const POSITION = { internal: 0, begin: 1, end: 2, single: 3 } as const
export type Position = (typeof POSITION)[keyof typeof POSITION]

/** A state that is left more rarely than this would last for good. */
const LEAST_LEAVING = 1e-3

const PhonesFile = v.strictObject({
  phones: v.array(v.string()),
  silence: v.string(),
  fillers: v.array(v.string()),
  senones: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sequences: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sequenceOfPhone: v.array(v.number()),
  stayAndGo: v.array(v.array(v.tuple([v.number(), v.number()]))),
})

export interface PhoneModel {
  readonly phones: readonly string[]
  readonly silence: number
  readonly fillers: readonly number[]
  readonly senoneCount: number
  /** Three senones a sequence. */
  readonly sequences: Uint16Array
  readonly sequenceOfPhone: readonly number[]
  /** [phone][state] -> log stay, log go, flat: phone*6 + state*2 + {0, 1}. */
  readonly transitions: Float32Array
  /** Mean frames that each phone lasts, as the model's states are left. */
  readonly frames: Float32Array
  sequenceOf(position: Position, base: number, left: number, right: number): number
}

/** Throws {@link ModelRefused} when the two files do not belong together. */
export function phoneModel(phonesJson: string, packedTriphones: Uint8Array): PhoneModel {
  const parsed = v.safeParse(PhonesFile, JSON.parse(phonesJson))
  if (!parsed.success) throw refused('phones.json is malformed')
  const file = parsed.output
  const count = file.phones.length
  const bytes = brotliDecompressSync(packedTriphones)
  const expected = 2 * (4 * count ** 3 + 3 * file.sequences)
  if (bytes.length !== expected)
    throw refused(`triphones.bin.br holds ${bytes.length} bytes, ${expected} expected`)
  const words = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const table = words.subarray(0, 4 * count ** 3)
  const sequences = words.subarray(4 * count ** 3)
  if (sequences.some((senone) => senone >= file.senones))
    throw refused('a triphone names a senone that does not exist')
  if (file.stayAndGo.length !== count || file.sequenceOfPhone.length !== count)
    throw refused('phones.json does not cover every phone')
  return {
    phones: file.phones,
    silence: file.phones.indexOf(file.silence),
    fillers: file.fillers.map((name) => file.phones.indexOf(name)),
    senoneCount: file.senones,
    sequences,
    sequenceOfPhone: file.sequenceOfPhone,
    transitions: Float32Array.from(file.stayAndGo.flat(2)),
    frames: Float32Array.from(file.stayAndGo, (states) =>
      states.reduce((sum, [stay]) => sum + 1 / Math.max(LEAST_LEAVING, 1 - Math.exp(stay)), 0),
    ),
    sequenceOf: (position, base, left, right) =>
      table[((position * count + base) * count + left) * count + right] as number,
  }
}

function refused(message: string): ModelRefused {
  return new ModelRefused(message, { remedy: 'Install the model again: its files do not belong together.' })
}
