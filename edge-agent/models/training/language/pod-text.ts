/** Sentences of plain words out of Perl's manual (POD): paragraphs of prose, without code, commands or formatting. */

/** Words of a sentence, in lower case; what is not prose is left out. */
export function podSentences(pod: string): string[][] {
  return pod
    .split(/\n\s*\n/)
    .filter((paragraph) => /^[A-Z"'(]/.test(paragraph) && !paragraph.startsWith('=') && !/[{}$@\\|]/.test(paragraph))
    .flatMap((paragraph) => plain(paragraph).split(/(?<=[.!?])\s+|[:;()]|\s--?\s|"/))
    .flatMap(wordsOf)
}

/** Formatting codes keep their text (L<text|target> its text); C<code> and F<files> are left out. */
function plain(paragraph: string): string {
  let text = paragraph.replace(/\s+/g, ' ')
  for (let depth = 0; depth < 4; depth++)
    text = text
      .replace(/[CFXZS]<{1,3}[^<>]*>{1,3}/g, ' \u0000 ')
      .replace(/L<([^<>|]*)\|[^<>]*>/g, '$1')
      .replace(/[BIL]<([^<>]*)>/g, '$1')
      .replace(/E<[a-z]+>/g, ' \u0000 ')
  return text
}

const LEAST_WORDS = 3
const MOST_WORDS = 40

/** A sentence is cut where something stands in it that is not a word. */
function wordsOf(sentence: string): string[][] {
  const runs: string[][] = [[]]
  for (const token of sentence.toLowerCase().replace(/[.!?,]+(?=\s|$)/g, ' ').split(/[\s/-]+/)) {
    const word = token.replace(/^'+|'+$/g, '')
    if (/^[a-z]+(?:'[a-z]+)?$/.test(word)) runs.at(-1)?.push(word)
    else if (token !== '') runs.push([])
  }
  return runs.filter((run) => run.length >= LEAST_WORDS && run.length <= MOST_WORDS)
}
