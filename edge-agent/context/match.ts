/** Which of several named things some spoken words mean. Pure. */
export type Match<T> =
  | { readonly kind: 'one'; readonly item: T }
  | { readonly kind: 'several'; readonly items: readonly T[] }
  | { readonly kind: 'none' }

/** How many things may be read back as a choice. */
const MAX_CHOICE = 5

/**
 * An exact name wins; else the things one of whose names holds every word that was said, fewest extra words first. Case, hyphens
 * and punctuation do not count, since nobody speaks them.
 */
export function bestMatches<T>(
  items: readonly T[],
  text: string,
  namesOf: (item: T) => readonly string[],
): Match<T> {
  const said = wordsOf(text)
  if (said.length === 0) return { kind: 'none' }
  const spoken = said.join(' ')
  const squeezed = said.join('')
  const exact = items.filter((item) =>
    namesOf(item).some((name) => {
      const words = wordsOf(name)
      return words.join(' ') === spoken || words.join('') === squeezed
    }),
  )
  if (exact.length > 0) return matched(exact)
  const scored = items
    .map((item) => ({ item, extra: fewestExtra(namesOf(item), said) }))
    .filter((candidate): candidate is { item: T; extra: number } => candidate.extra !== null)
  const fewest = Math.min(...scored.map(({ extra }) => extra))
  return matched(scored.filter(({ extra }) => extra === fewest).map(({ item }) => item))
}

function matched<T>(items: readonly T[]): Match<T> {
  const [first] = items
  if (first === undefined) return { kind: 'none' }
  return items.length === 1
    ? { kind: 'one', item: first }
    : { kind: 'several', items: items.slice(0, MAX_CHOICE) }
}

/** Words of a name that were not said, for the closest name that holds every word said; null when none does. */
function fewestExtra(names: readonly string[], said: readonly string[]): number | null {
  const extras = names
    .map(wordsOf)
    .filter((words) => said.every((word) => words.includes(word)))
    .map((words) => words.length - said.length)
  return extras.length === 0 ? null : Math.min(...extras)
}

/** Lower case, split where letters meet digits too: `P-101`, `p101` and "P 101" are the same words. */
function wordsOf(text: string): readonly string[] {
  return (
    text
      .toLowerCase()
      .match(/\p{L}+|\p{N}+/gu)
      ?.filter((word) => !FILLERS.has(word)) ?? []
  )
}

const FILLERS: ReadonlySet<string> = new Set(['the', 'a', 'an', 'of', 'number'])
