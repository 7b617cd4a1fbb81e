/**
 * Cuts text into the pieces of a vocabulary as BERT's uncased tokenizer does (WordPiece): lower case, accents off, punctuation apart,
 * then the longest piece first. Pure. Vocabulary files of public models (`vocab.txt`, a piece a line) are read as they are.
 */
import { StarlingError } from '../../shared/errors.ts'

export class VocabularyRefused extends StarlingError {
  override readonly code = 'vocabulary_refused'
}

/** Longer words are unknown, as in BERT: nobody's vocabulary has them. */
const MAX_WORD_LETTERS = 100
const MAX_PIECES = 200_000
/** A letter or digit of any script, else one sign; blanks part words and are dropped. */
const WORDS = /[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu

export interface WordPieces {
  readonly size: number
  /** Numbers of the pieces, at most `limit`, with the vocabulary's own marks at both ends where it has them. */
  encode(text: string, limit: number): readonly number[]
}

/** Throws {@link VocabularyRefused} for a file without `[UNK]`, or with a piece twice. */
export function readVocabulary(file: string): WordPieces {
  const pieces = file.replace(/\r/g, '').replace(/\n$/, '').split('\n')
  const numbers = new Map(pieces.map((piece, number) => [piece, number]))
  const unknown = numbers.get('[UNK]')
  if (unknown === undefined) throw refused('it has no [UNK]')
  if (numbers.size !== pieces.length) throw refused('a piece stands in it twice')
  if (pieces.length > MAX_PIECES) throw refused(`it has more than ${MAX_PIECES} pieces`)
  const first = numbers.get('[CLS]')
  const last = numbers.get('[SEP]')
  const marks = first === undefined || last === undefined ? null : { first, last }
  return {
    size: pieces.length,
    encode(text, limit) {
      const room = limit - (marks === null ? 0 : 2)
      const found: number[] = []
      for (const word of wordsOf(text)) {
        if (found.length >= room) break
        found.push(...cut(word, numbers, unknown))
      }
      const kept = found.slice(0, room)
      return marks === null ? kept : [marks.first, ...kept, marks.last]
    },
  }
}

function wordsOf(text: string): readonly string[] {
  const plain = text
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
  return plain.match(WORDS) ?? []
}

function cut(word: string, numbers: ReadonlyMap<string, number>, unknown: number): readonly number[] {
  const letters = Array.from(word)
  if (letters.length > MAX_WORD_LETTERS) return [unknown]
  const found: number[] = []
  let start = 0
  while (start < letters.length) {
    let end = letters.length
    let number: number | undefined
    for (; end > start; end--) {
      number = numbers.get(`${start === 0 ? '' : '##'}${letters.slice(start, end).join('')}`)
      if (number !== undefined) break
    }
    if (number === undefined) return [unknown]
    found.push(number)
    start = end
  }
  return found
}

function refused(why: string): VocabularyRefused {
  return new VocabularyRefused(`the vocabulary cannot be used: ${why}`, {
    remedy: 'Give the vocab.txt that belongs to the model: a piece a line, in the order of its numbers.',
  })
}
