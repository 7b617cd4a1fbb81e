/**
 * The words of recordings that their speaker confirmed. A recording with its words has them; one with an intent and slots alone
 * was confirmed as that, so what the recogniser heard counts when it means just that, and the recording is left out when not.
 */
import type { DomainUnderTest } from '../evaluation/domain-under-test.ts'
import { evaluate } from '../evaluation/evaluate.ts'
import type { Entry } from '../evaluation/manifest.ts'
import { wordsOf } from '../intent/normalise.ts'

export interface Confirmed {
  readonly entry: Entry
  readonly words: readonly string[]
}

export async function confirmedWords(o: {
  readonly entries: readonly Entry[]
  readonly domain: DomainUnderTest
  readonly modelDir: string
  readonly signal: AbortSignal
  onProgress(done: number, of: number): void
}): Promise<readonly Confirmed[]> {
  const known = o.entries.flatMap((entry) =>
    entry.text === null ? [] : [{ entry, words: wordsOf(entry.text) }],
  )
  const meant = o.entries.filter(({ text, intent }) => text === null && typeof intent === 'string')
  if (meant.length === 0) return known
  const heard: Confirmed[] = []
  await evaluate({
    ...o,
    entries: meant,
    noise: null,
    streams: 1,
    onOutcome: ({ entry, played, accepted, right }) => {
      if (accepted && right) heard.push({ entry, words: wordsOf(played.hypothesis.text) })
    },
  })
  const order = new Map(o.entries.map((entry, index) => [entry, index]))
  return [...known, ...heard].toSorted((a, b) => (order.get(a.entry) ?? 0) - (order.get(b.entry) ?? 0))
}
