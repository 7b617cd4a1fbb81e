/**
 * Writes the few WebAssembly instructions that the filter-bank kernel is made of (WebAssembly core specification 2.0, binary
 * format). An expression is the bytes that leave its value on the stack, so expressions nest as they do on paper.
 */

export type Code = readonly number[]

const I32 = 0x7f
const V128 = 0x7b
const NO_VALUE = 0x40
/** `\0asm`, version 1. */
const MAGIC: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const PAGE_BYTES = 65_536

export const i32 = (value: number): Code => [0x41, ...signed(value)]
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
/** A 32-bit integer at an address and a fixed offset beyond it. */
export const loadI32 = (address: Code, offset: number): Code => [...address, 0x28, 2, ...unsigned(offset)]

/** Four floats side by side. */
export const four = {
  add: (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0xe4, 0x01],
  sub: (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0xe5, 0x01],
  mul: (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0xe6, 0x01],
  load: (address: Code, offset: number): Code => [...address, 0xfd, 0x00, 4, ...unsigned(offset)],
  /** One float, four times. */
  spread: (address: Code, offset: number): Code => [...address, 0xfd, 0x09, 2, ...unsigned(offset)],
  store: (address: Code, offset: number, value: Code): Code => [
    ...address,
    ...value,
    0xfd,
    0x0b,
    4,
    ...unsigned(offset),
  ],
  constant: (value: number): Code => {
    const lane = new Uint8Array(Float32Array.of(value).buffer)
    return [0xfd, 0x0c, ...lane, ...lane, ...lane, ...lane]
  },
} as const

/** Does `body` at least once, and again while the 32-bit `condition` holds. */
export const loopWhile = (body: Code, condition: Code): Code => [
  0x03,
  NO_VALUE,
  ...body,
  ...condition,
  0x0d,
  0,
  0x0b,
]
/** Unsigned comparison. */
export const less = (a: Code, b: Code): Code => [...a, ...b, 0x49]

export interface WasmFunction {
  readonly name: string
  /** 32-bit integers: locals 0 and on. */
  readonly parameters: number
  /** Locals that follow them. */
  readonly integers: number
  /** Locals of four floats that follow those. */
  readonly fours: number
  readonly body: Code
}

/** A module of functions without results over one memory, which is exported as `memory`. */
export function writeModule(
  functions: readonly WasmFunction[],
  memoryBytes: number,
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...list(parameters, I32), 0])
  const codes = functions.map(({ integers, fours, body }) => {
    const locals = [2, ...unsigned(integers), I32, ...unsigned(fours), V128]
    return sized([...locals, ...body, 0x0b])
  })
  const exports = [
    [...text('memory'), 2, 0],
    ...functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]),
  ]
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, types),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(5, [[0, ...unsigned(Math.ceil(memoryBytes / PAGE_BYTES))]]),
    ...section(7, exports),
    ...section(10, codes),
  ])
}

function section(id: number, items: readonly Code[]): Code {
  return [id, ...sized([...unsigned(items.length), ...items.flat()])]
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes]
}

function list(count: number, value: number): Code {
  return [...unsigned(count), ...Array.from({ length: count }, () => value)]
}

function text(name: string): Code {
  return sized([...new TextEncoder().encode(name)])
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  const low = value & 0x7f
  const rest = value >> 7
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}
