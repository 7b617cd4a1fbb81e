/** Where the text of a note begins, in words that no template reads: after what introduces it, if anything is sure to. */
import type { WordRange } from '../grammar/match-text.ts'

const INTRODUCING: ReadonlySet<string> = new Set(
  'note notes noted write jot record records log put add document remark comment comments entry message memo file down leave keep let show'.split(
    ' ',
  ),
)
/** Words that may stand in an introduction beside one of those. */
const BESIDE: ReadonlySet<string> = new Set(
  `please can could would will you i want need to like us me my a an the this it in into on for of make take enter quick short
  small new another following`.split(/\s+/),
)
const OPENING: ReadonlySet<string> = new Set(['that', 'saying', 'says', 'say', 'colon'])
/** Longer beginnings are no introduction. */
const MAX_INTRODUCTION = 12

/** All the words where nothing introduces them: nothing of a note is lost. */
export function noteIn(words: readonly string[]): WordRange {
  let from = 0
  let introduced = false
  for (let at = 0; at < Math.min(words.length - 1, MAX_INTRODUCTION); at += 1) {
    const word = words[at] ?? ''
    if (introduced && OPENING.has(word)) return { from: at + 1, to: words.length }
    if (INTRODUCING.has(word)) {
      introduced = true
      from = at + 1
    } else if (!BESIDE.has(word)) break
    else if (introduced && word === 'this') from = at + 1
  }
  return { from: introduced ? from : 0, to: words.length }
}
