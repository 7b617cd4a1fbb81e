/**
 * Which letters of a word stand for which of its phones, found by expectation maximisation: a word is taken apart into pieces of
 * one or two letters and none to two phones, and a piece is as likely as it is often needed, over all words and all ways.
 */

export interface SoundedWord {
  readonly letters: string
  readonly phones: readonly string[]
}

/** Letters and phones apart by a bar, phones by spaces: "ph|F", "x|K S", "e|". */
export type Piece = string

/** Pairs of letter and phone counts: two letters stand for one phone ("ph"), one letter for up to two ("x", "u" in "cute"). */
const SHAPES = [
  [1, 0],
  [1, 1],
  [1, 2],
  [2, 1],
] as const
const ROUNDS = 12
/** What a piece that is hardly needed keeps: nothing, so that it goes. */
const LEAST_EXPECTED = 0.01

/** The likeliest pieces of each word; null for one that no pieces make up ("abc", read letter by letter). */
export function alignedWords(
  words: readonly SoundedWord[],
  onRound: (round: number, rounds: number, logLikelihood: number) => void,
): readonly (readonly Piece[] | null)[] {
  let likelihoods = new Map<Piece, number>()
  const usual = 1e-3
  for (let round = 1; round <= ROUNDS; round += 1) {
    const expected = new Map<Piece, number>()
    let logLikelihood = 0
    const of = round === 1 ? () => usual : (piece: Piece) => likelihoods.get(piece) ?? 0
    for (const word of words) logLikelihood += expect(word, of, expected)
    const total = [...expected.values()].reduce((sum, count) => sum + count, 0)
    likelihoods = new Map(
      [...expected].filter(([, count]) => count >= LEAST_EXPECTED).map(([piece, count]) => [piece, count / total]),
    )
    onRound(round, ROUNDS, logLikelihood)
  }
  return words.map((word) => likeliest(word, likelihoods))
}

/** Adds how often each piece is expected in this word, and returns the word's log likelihood. */
function expect(
  { letters, phones }: SoundedWord,
  of: (piece: Piece) => number,
  expected: Map<Piece, number>,
): number {
  const width = phones.length + 1
  const forward = new Float64Array((letters.length + 1) * width)
  const backward = new Float64Array(forward.length)
  forward[0] = 1
  backward[backward.length - 1] = 1
  const steps: { from: number; to: number; piece: Piece; p: number }[] = []
  for (let l = 0; l < letters.length; l += 1)
    for (let p = 0; p < width; p += 1) {
      const from = l * width + p
      if (forward[from] === 0) continue
      for (const [ls, ps] of SHAPES) {
        if (l + ls > letters.length || p + ps > phones.length) continue
        const piece = pieceOf(letters.slice(l, l + ls), phones.slice(p, p + ps))
        const likelihood = of(piece)
        if (likelihood === 0) continue
        const to = (l + ls) * width + p + ps
        forward[to] = (forward[to] as number) + (forward[from] as number) * likelihood
        steps.push({ from, to, piece, p: likelihood })
      }
    }
  const all = forward[forward.length - 1] as number
  if (all === 0) return 0
  for (const { from, to, piece, p } of steps.reverse()) {
    const share = (backward[to] as number) * p
    backward[from] = (backward[from] as number) + share
    const count = ((forward[from] as number) * share) / all
    if (count > 0) expected.set(piece, (expected.get(piece) ?? 0) + count)
  }
  return Math.log(all)
}

function likeliest(
  { letters, phones }: SoundedWord,
  likelihoods: ReadonlyMap<Piece, number>,
): readonly Piece[] | null {
  const width = phones.length + 1
  const best = new Float64Array((letters.length + 1) * width).fill(-Infinity)
  const came: { from: number; piece: Piece }[] = []
  best[0] = 0
  for (let from = 0; from < best.length - 1; from += 1) {
    if (best[from] === -Infinity) continue
    const [l, p] = [Math.floor(from / width), from % width]
    for (const [ls, ps] of SHAPES) {
      if (l + ls > letters.length || p + ps > phones.length) continue
      const piece = pieceOf(letters.slice(l, l + ls), phones.slice(p, p + ps))
      const score = (best[from] as number) + Math.log(likelihoods.get(piece) ?? 0)
      const to = (l + ls) * width + p + ps
      if (score > (best[to] as number)) {
        best[to] = score
        came[to] = { from, piece }
      }
    }
  }
  const pieces: Piece[] = []
  for (let at = best.length - 1; at > 0;) {
    const last = came[at]
    if (last === undefined) return null
    pieces.push(last.piece)
    at = last.from
  }
  return pieces.reverse()
}

function pieceOf(letters: string, phones: readonly string[]): Piece {
  return `${letters}|${phones.join(' ')}`
}
