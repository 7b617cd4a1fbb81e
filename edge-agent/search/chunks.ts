/**
 * Cuts a document into chunks that are found one by one: at headings, then at paragraphs, then between sentences. Pure. A chunk's id
 * follows from its words alone, so that a change in one place leaves the ids of all others, and what was computed of them, as they are.
 */
import { sha256Hex } from '../../shared/digest.ts'

export interface Chunk {
  /** Stable: of title, heading and words, and of how often they stood there before. */
  readonly id: string
  /** Which one of the document, from 0. */
  readonly place: number
  /** The headings above it, outermost first, parted by " › "; empty before the first. */
  readonly heading: string
  readonly text: string
}

/** Characters; about 200 pieces of a vocabulary, which is what small embedding models see of a text. */
export const MAX_CHUNK_LENGTH = 900
/** A piece under this goes with what follows it under the same heading. */
const MIN_CHUNK_LENGTH = 200
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/
const ID_DIGITS = 16

export function chunksOf(title: string, document: string): readonly Chunk[] {
  const seen = new Map<string, number>()
  return sectionsOf(document)
    .flatMap(({ heading, paragraphs }) => gathered(paragraphs).map((text) => ({ heading, text })))
    .map(({ heading, text }, place) => {
      const digest = sha256Hex(`${title}\n${heading}\n${text}`).slice(0, ID_DIGITS)
      const before = seen.get(digest) ?? 0
      seen.set(digest, before + 1)
      return { id: before === 0 ? digest : `${digest}.${before}`, place, heading, text }
    })
}

interface Section {
  readonly heading: string
  readonly paragraphs: readonly string[]
}

function sectionsOf(document: string): readonly Section[] {
  const sections: { heading: string; paragraphs: string[] }[] = []
  const path: { readonly level: number; readonly title: string }[] = []
  let current = { heading: '', paragraphs: [] as string[] }
  const end = (): void => {
    if (current.paragraphs.length > 0) sections.push(current)
  }
  for (const block of document.replaceAll('\r\n', '\n').split(/\n[ \t]*\n|\n(?=#{1,6}\s)/)) {
    const lines = block.split('\n')
    const found = HEADING.exec(lines[0]?.trim() ?? '')
    if (found !== null) {
      end()
      const level = (found[1] ?? '#').length
      while ((path.at(-1)?.level ?? 0) >= level) path.pop()
      path.push({ level, title: found[2] ?? '' })
      current = { heading: path.map(({ title }) => title).join(' › '), paragraphs: [] }
      lines.shift()
    }
    const text = lines.join(' ').replaceAll(/\s+/g, ' ').trim()
    if (text !== '') current.paragraphs.push(text)
  }
  end()
  return sections
}

/** Paragraphs joined up to the least length, and cut at the most. */
function gathered(paragraphs: readonly string[]): readonly string[] {
  const chunks: string[] = []
  for (const piece of paragraphs.flatMap(cut)) {
    const last = chunks.at(-1)
    const joined = last === undefined ? piece : `${last} ${piece}`
    if (last !== undefined && last.length < MIN_CHUNK_LENGTH && joined.length <= MAX_CHUNK_LENGTH)
      chunks[chunks.length - 1] = joined
    else chunks.push(piece)
  }
  return chunks
}

/** Between sentences where they end; a sentence that is longer than a chunk is cut between words, a word between letters. */
function cut(paragraph: string): readonly string[] {
  if (paragraph.length <= MAX_CHUNK_LENGTH) return [paragraph]
  const sentences = paragraph.split(/(?<=[.!?;:])\s+/).flatMap((sentence) => cutSentence(sentence))
  const chunks: string[] = []
  for (const sentence of sentences) {
    const last = chunks.at(-1)
    if (last !== undefined && last.length + 1 + sentence.length <= MAX_CHUNK_LENGTH)
      chunks[chunks.length - 1] = `${last} ${sentence}`
    else chunks.push(sentence)
  }
  return chunks
}

function cutSentence(sentence: string): readonly string[] {
  const pieces: string[] = []
  let rest = sentence
  while (rest.length > MAX_CHUNK_LENGTH) {
    const blank = rest.lastIndexOf(' ', MAX_CHUNK_LENGTH)
    const end = blank > 0 ? blank : MAX_CHUNK_LENGTH
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...pieces, rest]
}
