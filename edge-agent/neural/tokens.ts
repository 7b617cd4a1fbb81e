/**
 * `tokens.txt`: a symbol and its number a line, as icefall, NeMo and T-one write it and sherpa-onnx reads it. A symbol that
 * begins with "▁" begins a word; `<0x41>` stands for a byte; a line with a number alone is the space. Vocabularies over bytes
 * (see byte-level.ts) are read as such.
 */
import { byteLevelBytes, isByteLevel } from './byte-level.ts'
import { ModelFileRefused } from './model-file-refused.ts'

/** The largest public vocabularies have some ten thousand symbols. */
const MAX_SYMBOLS = 200_000
const MAX_FILE_BYTES = 16 * 1024 * 1024
const WORD_BEGIN = '\u2581'
const BYTE = /^<0x([0-9A-Fa-f]{2})>$/
const BLANKS = ['<blk>', '<eps>', '<blank>']
/** Not spoken: markers of the recipe. */
const SILENT = new Set(['<unk>', '<s>', '</s>', '<sos/eos>', '<pad>', ...BLANKS])

export interface Tokens {
  readonly count: number
  readonly blank: number
  /** Null when the vocabulary has none. */
  readonly unknown: number | null
  /** As it is written in the file, with a space for "▁" at its beginning. */
  symbol(id: number): string
  /** The words of a sequence of symbols, with the indexes of their symbols. */
  words(ids: readonly number[]): readonly TokenWord[]
}

export interface TokenWord {
  readonly text: string
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** Throws {@link ModelFileRefused} for anything but one symbol a number, without gaps up to `least`, with a blank among them. */
export function readTokens(file: string, bytes: Uint8Array, least: number | null): Tokens {
  const symbols = parse(file, bytes)
  const blank = BLANKS.map((name) => symbols.indexOf(name)).find((id) => id >= 0)
  if (blank === undefined)
    throw new ModelFileRefused('tokens-malformed', {
      file,
      found: `${symbols.length} symbols without a blank`,
      expected: `one of ${BLANKS.join(', ')} among them`,
    })
  const count = symbols.filter((symbol) => symbol !== undefined).length
  const gap = Array.from({ length: least ?? 0 }, (_, id) => id).find((id) => symbols[id] === undefined)
  if (gap !== undefined)
    throw new ModelFileRefused('tokens-mismatch', {
      file,
      found: `${count} symbols, none numbered ${gap}`,
      expected: `a symbol for each of the model's ${least} scores`,
      remedy: 'Give the tokens.txt that belongs to this model.',
    })
  const unknown = symbols.indexOf('<unk>')
  const encode = isByteLevel(symbols) ? byteLevelBytes : plainBytes
  const symbol = (id: number): string => symbols[id] ?? ''
  return {
    count,
    blank,
    unknown: unknown < 0 ? null : unknown,
    symbol,
    words: (ids) => wordsOf(ids.map(symbol), encode),
  }
}

function parse(file: string, bytes: Uint8Array): readonly (string | undefined)[] {
  if (bytes.length > MAX_FILE_BYTES)
    throw malformed(file, `${bytes.length} bytes`, `at most ${MAX_FILE_BYTES}`)
  const symbols: (string | undefined)[] = []
  for (const [index, line] of decode(file, bytes).split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const match = /^\s*(?:(\S+)\s+)?(\d{1,7})\s*$/u.exec(line)
    const id = Number(match?.[2] ?? Number.NaN)
    if (!(id < MAX_SYMBOLS))
      throw malformed(
        file,
        `line ${index + 1}: ${JSON.stringify(line.slice(0, 60))}`,
        `a symbol and a number under ${MAX_SYMBOLS}`,
      )
    if (symbols[id] !== undefined)
      throw malformed(file, `line ${index + 1}: the number ${id} again`, 'each number once')
    // Gaps stay undefined, and no line makes the list longer than its number.
    while (symbols.length < id) symbols.push(undefined)
    symbols[id] = shownSymbol(match?.[1] ?? ' ')
  }
  return symbols
}

function shownSymbol(symbol: string): string {
  return symbol.startsWith(WORD_BEGIN) ? ` ${symbol.slice(WORD_BEGIN.length)}` : symbol
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ModelFileRefused('tokens-malformed', {
      file,
      found: 'bytes that are no UTF-8 text',
      expected: 'lines of a symbol and its number',
      cause,
    })
  }
}

function wordsOf(
  symbols: readonly string[],
  encode: (piece: string) => Iterable<number>,
): readonly TokenWord[] {
  const words: { from: number; to: number; bytes: number[] }[] = []
  let isOpen = false
  for (const [index, symbol] of symbols.entries()) {
    if (SILENT.has(symbol)) continue
    if (symbol === ' ' || symbol === '<0x20>') {
      isOpen = false
      continue
    }
    const byte = BYTE.exec(symbol)?.[1]
    const pieces = byte === undefined ? symbol.split(' ') : [undefined]
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) isOpen = false
      if (piece === '') continue
      const last = words.at(-1)
      const bytes = piece === undefined ? [Number.parseInt(byte ?? '0', 16)] : encode(piece)
      if (isOpen && last !== undefined) {
        last.bytes.push(...bytes)
        last.to = index + 1
      } else words.push({ from: index, to: index + 1, bytes: [...bytes] })
      isOpen = true
    }
  }
  return words.map(({ from, to, bytes }) => ({ text: Buffer.from(bytes).toString('utf8'), from, to }))
}

function plainBytes(piece: string): Iterable<number> {
  return Buffer.from(piece)
}

function malformed(file: string, found: string, expected: string): ModelFileRefused {
  return new ModelFileRefused('tokens-malformed', { file, found, expected })
}
