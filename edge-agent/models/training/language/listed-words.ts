/** The words of a packed lexicon, each once. */
import { brotliDecompressSync } from 'node:zlib'

export function listedWords(lexicon: Uint8Array): ReadonlySet<string> {
  const lines = brotliDecompressSync(lexicon).toString('latin1').split('\n')
  return new Set(lines.map((line) => line.slice(0, line.indexOf(' '))))
}
