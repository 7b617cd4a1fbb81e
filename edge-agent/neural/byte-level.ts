/**
 * Byte-level BPE as icefall writes it: every byte of the text is a letter of its own, printable ASCII itself and the others
 * a row of Latin letters. A vocabulary is one when none of its letters lies beyond that row and some lie at its end.
 */

/** The row: 161 letters for the bytes that are no printable ASCII, with the gaps that it has. */
const ROW: readonly (readonly [number, number])[] = [
  [0x100, 0x131],
  [0x134, 0x13e],
  [0x141, 0x148],
  [0x14a, 0x17e],
  [0x180, 0x1a6],
]
const PRINTABLE = [0x20, 0x7e] as const
/** How the text's unknown characters are written: a space. */
const UNKNOWN = '\u2047'
/** Letters whose first UTF-8 byte is at most, or just, 0xC6. */
const BEYOND = 0x1_c0
const END_OF_ROW = 0x1_80

const BYTES = byteOfLetter()

export function isByteLevel(symbols: readonly (string | undefined)[]): boolean {
  let hasEnd = false
  for (const symbol of symbols)
    for (const letter of symbol ?? '') {
      const code = letter.codePointAt(0) ?? 0
      if (code >= BEYOND) return false
      hasEnd ||= code >= END_OF_ROW
    }
  return hasEnd
}

/** The bytes of a piece; letters that stand for none are left out. */
export function byteLevelBytes(piece: string): readonly number[] {
  return Array.from(piece).flatMap((letter) => BYTES.get(letter) ?? [])
}

function byteOfLetter(): ReadonlyMap<string, number> {
  const letters = ROW.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)),
  )
  const map = new Map<string, number>([[UNKNOWN, 0x20]])
  let next = 0
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = byte >= PRINTABLE[0] && byte <= PRINTABLE[1]
    map.set(isPrintable ? String.fromCodePoint(byte) : (letters[next++] ?? ''), byte)
  }
  return map
}
