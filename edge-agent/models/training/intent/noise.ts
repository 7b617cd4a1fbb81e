/** What speakers and recognisers do to a sentence; and words of ours in an order that nobody would say. */
import type { Random } from '../../../domain-build/random.ts'

type Tokens = readonly string[]

const FILLERS = ['um', 'uh', 'so', 'well', 'okay', 'just', 'please', 'now', 'then', 'maybe', 'like']

/** A word lost, doubled, moved, or a filler. */
export function noisy(tokens: Tokens, random: Random): Tokens {
  const at = random.below(tokens.length)
  switch (random.below(5)) {
    case 0:
      return tokens.length > 2 ? tokens.toSpliced(at, 1) : tokens
    case 1:
      return tokens.toSpliced(at, 0, random.pick(FILLERS) ?? '')
    case 2:
      return tokens.toSpliced(at, 0, tokens[at] ?? '')
    case 3:
      return tokens.length > 2 && at + 1 < tokens.length
        ? tokens.toSpliced(at, 2, tokens[at + 1] ?? '', tokens[at] ?? '')
        : tokens
    default:
      return tokens
  }
}

export function salad(vocabulary: Tokens, count: number, random: Random): readonly Tokens[] {
  return Array.from({ length: count }, () =>
    Array.from({ length: 3 + random.below(6) }, () => random.pick(vocabulary) ?? ''),
  )
}
