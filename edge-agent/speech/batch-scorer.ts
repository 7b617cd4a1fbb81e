/**
 * Packs the feature rows that streams want scored into common runs of the acoustic model. What is asked for while the
 * thread works through its messages goes into the next run together; whoever is finishing goes first.
 */
import type { Scorer } from './scorer.ts'

/**
 * Rows a run. The model keeps no state between rows, so streams need no slots and no padding. More rows share one walk over the
 * weights; from here on a row gets no cheaper, since its values leave the processor's cache, and they only take more memory.
 */
export const MAX_ROWS = 64

interface Wanted {
  readonly features: Float32Array
  readonly frames: number
  readonly urgent: boolean
  resolve(scored: { senones: Float32Array; runtimeUs: number }): void
  reject(reason: unknown): void
}

export class BatchScorer {
  readonly #run: Scorer
  readonly #later: (flush: () => void) => void
  #waiting: Wanted[] = []
  #scheduled = false

  /** `later` calls back once the messages that are there already have been looked at. */
  constructor(run: Scorer, later: (flush: () => void) => void) {
    this.#run = run
    this.#later = later
  }

  /** Scores `frames` rows; `runtimeUs` is the rows' share of the run. */
  score(
    features: Float32Array,
    frames: number,
    urgent: boolean,
  ): Promise<{ senones: Float32Array; runtimeUs: number }> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ features, frames, urgent, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#later(() => {
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#take()
    try {
      const rows = batch.reduce((sum, { frames }) => sum + frames, 0)
      const { senones, runtimeUs } = await this.#run(joined(batch), rows)
      const width = senones.length / rows
      let from = 0
      for (const wanted of batch) {
        const to = from + wanted.frames * width
        const own = { senones: senones.subarray(from, to), runtimeUs: (runtimeUs * wanted.frames) / rows }
        wanted.resolve(own)
        from = to
      }
    } catch (thrown) {
      for (const wanted of batch) wanted.reject(thrown)
    }
    this.#scheduled = false
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** The next run's rows: at least one stream's, in order, whoever is finishing before the others. */
  #take(): Wanted[] {
    const ordered = [
      ...this.#waiting.filter(({ urgent }) => urgent),
      ...this.#waiting.filter(({ urgent }) => !urgent),
    ]
    let rows = 0
    let count = 0
    for (const { frames } of ordered) {
      if (count > 0 && rows + frames > MAX_ROWS) break
      rows += frames
      count++
    }
    this.#waiting = ordered.slice(count)
    return ordered.slice(0, count)
  }
}

function joined(batch: readonly Wanted[]): Float32Array {
  const [only] = batch
  if (batch.length === 1 && only !== undefined) return only.features
  const all = new Float32Array(batch.reduce((sum, { features }) => sum + features.length, 0))
  let at = 0
  for (const { features } of batch) {
    all.set(features, at)
    at += features.length
  }
  return all
}
