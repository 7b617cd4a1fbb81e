/** A word graph as a file: columns as JSON, packed. What a bundle's domain was built to hear, word for word. */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import type { WordGraph } from '../grammar/word-graph.ts'

/** A grammar of the largest size that is taken has some 20 MB of columns. */
const MAX_COLUMNS_BYTES = 64 * 1024 * 1024
/** Higher qualities save little and cost seconds. */
const QUALITY = 6

export function packGraph(graph: WordGraph): Uint8Array {
  const words = [...new Set(graph.arcs.flatMap(({ word }) => (word === null ? [] : [word])))].toSorted()
  const indexOf = new Map(words.map((word, index) => [word, index]))
  const columns = {
    start: graph.start,
    stateCount: graph.stateCount,
    finals: [...graph.finals].toSorted((a, b) => a - b),
    words,
    from: graph.arcs.map(({ from }) => from),
    to: graph.arcs.map(({ to }) => to),
    // Index of the word, -1 for none, -2 for any.
    word: graph.arcs.map(({ word, open }) => (open === undefined ? (indexOf.get(word ?? '') ?? -1) : -2)),
    logWeight: graph.arcs.map(({ logWeight }) => logWeight),
  }
  return brotliCompressSync(JSON.stringify(columns), {
    params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY },
  })
}

/** True when `packed` is this graph and nothing else. Never throws: what cannot be read is another graph. */
export function isSameGraph(packed: Uint8Array, graph: WordGraph): boolean {
  try {
    const text = brotliDecompressSync(packed, { maxOutputLength: MAX_COLUMNS_BYTES }).toString('utf8')
    const written = brotliDecompressSync(packGraph(graph)).toString('utf8')
    return text === written
  } catch {
    return false
  }
}
