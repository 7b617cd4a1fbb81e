/** The words that letter-to-sound is taught and tried on: those of the shipped lexicon, some of them held back. */
import { brotliDecompressSync } from 'node:zlib'
import { sha256Hex } from '../../../../shared/digest.ts'

export interface ListedWord {
  readonly word: string
  /** Every way that the lexicon says it, phones apart by spaces. */
  readonly says: readonly string[]
}

export interface WordSets {
  readonly taught: readonly ListedWord[]
  /** Every twentieth word by its digest, with all its ways to be said; relatives of theirs ("pumps") may be taught. */
  readonly held: readonly ListedWord[]
}

const HOLD_EVERY = 20

/** `packed` is `lexicon.txt.br` of the speech model. Words with other characters than a to z and the apostrophe are left out. */
export function wordSets(packed: Uint8Array): WordSets {
  const says = new Map<string, string[]>()
  for (const line of brotliDecompressSync(packed).toString('latin1').split('\n')) {
    const space = line.indexOf(' ')
    const word = line.slice(0, space)
    if (/^[a-z']+$/.test(word)) says.set(word, [...(says.get(word) ?? []), line.slice(space + 1)])
  }
  const words = [...says].map(([word, ways]) => ({ word, says: ways }))
  const isHeld = ({ word }: ListedWord): boolean =>
    Number.parseInt(sha256Hex(word).slice(0, 8), 16) % HOLD_EVERY === 0
  return { taught: words.filter((word) => !isHeld(word)), held: words.filter(isHeld) }
}
