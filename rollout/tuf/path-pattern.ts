/**
 * Which paths a delegation covers: Unix file-name patterns (`*`, `?`, `[abc]`, `[!a-z]`), segment by segment, so that `*`
 * never crosses a `/`. Matching takes at most pattern times name steps: no pattern can make a device hang.
 */

/** True when every segment of `path` matches the segment of `pattern` at its place. */
export function matchesPath(pattern: string, path: string): boolean {
  const patterns = pattern.split('/')
  const segments = path.split('/')
  return (
    patterns.length === segments.length &&
    patterns.every((part, index) => matchesSegment(tokens(part), Array.from(segments[index] ?? '')))
  )
}

type Token = { readonly kind: 'any' } | { readonly kind: 'one'; readonly takes: (letter: string) => boolean }

function tokens(pattern: string): readonly Token[] {
  const letters = Array.from(pattern)
  const found: Token[] = []
  for (let index = 0; index < letters.length; index += 1) {
    const letter = letters[index] ?? ''
    const end = letter === '[' ? closing(letters, index) : -1
    if (letter === '*') found.push({ kind: 'any' })
    else if (letter === '?') found.push({ kind: 'one', takes: () => true })
    else if (end > 0) {
      found.push({ kind: 'one', takes: letterClass(letters.slice(index + 1, end)) })
      index = end
    } else found.push({ kind: 'one', takes: (candidate) => candidate === letter })
  }
  return found
}

/** The `]` that ends the class opened at `start`; a `]` in the first place stands for itself. -1: no class, a plain `[`. */
function closing(letters: readonly string[], start: number): number {
  const first = letters[start + 1] === '!' ? start + 2 : start + 1
  return letters.indexOf(']', first + 1)
}

function letterClass(inside: readonly string[]): (letter: string) => boolean {
  const negated = inside[0] === '!'
  const body = negated ? inside.slice(1) : inside
  const ranges: (readonly [string, string])[] = []
  for (let index = 0; index < body.length; index += 1) {
    const from = body[index] ?? ''
    const to = body[index + 1] === '-' ? body[index + 2] : undefined
    ranges.push([from, to ?? from])
    if (to !== undefined) index += 2
  }
  return (letter) => ranges.some(([from, to]) => from <= letter && letter <= to) !== negated
}

/** Greedy with one step back: only the last `*` can need to take more, so nothing grows beyond the product. */
function matchesSegment(pattern: readonly Token[], letters: readonly string[]): boolean {
  let at = 0
  let star = -1
  let resume = 0
  for (let index = 0; index < letters.length;) {
    const token = pattern[at]
    if (token?.kind === 'any') {
      star = at
      resume = index
      at += 1
    } else if (token?.kind === 'one' && token.takes(letters[index] ?? '')) {
      at += 1
      index += 1
    } else if (star >= 0) {
      at = star + 1
      resume += 1
      index = resume
    } else return false
  }
  return pattern.slice(at).every((token) => token.kind === 'any')
}
