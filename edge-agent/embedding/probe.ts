/** An imported embedding model brings no golden vectors: the beginnings of its vectors for a few texts are taken when it comes in. */
import type { Embedder, EmbeddingFiles } from './embedder.ts'

const TEXTS = [
  'the pump leaks at the shaft seal',
  'lock out the drive before the guard is opened',
  'oil',
  'P-101',
] as const
const VALUES_A_TEXT = 16

/** One text's numbers after the other's, for the card. */
export async function probeEmbedder(embedder: Embedder): Promise<readonly number[]> {
  const vectors = await embedder.embed(TEXTS)
  return vectors.flatMap(({ values }) =>
    Array.from(values.subarray(0, VALUES_A_TEXT), (value) => Number(value.toFixed(6))),
  )
}

/** What {@link probeEmbedder} gave, as golden vectors; none for a model that has not run yet. */
export function goldenFromCard(numbers: readonly number[]): EmbeddingFiles['golden'] {
  const each = numbers.length / TEXTS.length
  if (each < 1 || !Number.isInteger(each)) return []
  return TEXTS.map((text, at) => ({
    text,
    values: numbers.slice(at * each, (at + 1) * each),
  }))
}
