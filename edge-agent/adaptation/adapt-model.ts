/** Adapts the Gaussians' means to recordings whose words are known: align, count, move; twice, since better means align better. */
import { FEATURES } from '../speech/features.ts'
import type { PhoneModel } from '../speech/phone-model.ts'
import { align } from './alignment.ts'
import { GaussianModel } from './gaussian-model.ts'
import { MeanStatistics } from './map-adaptation.ts'
import type { Utterance } from './utterance.ts'

export interface Adapted {
  /** The acoustic model's file with moved means. */
  readonly file: Uint8Array
  readonly utterances: number
  /** Recordings in which their words could not be found. */
  readonly unaligned: number
  readonly frames: number
  /** Mean log-likelihood of a frame before and after, nats. */
  readonly before: number
  readonly after: number
}

const ROUNDS = 2

export async function adaptModel(o: {
  readonly file: Uint8Array
  readonly phones: PhoneModel
  readonly utterances: readonly Utterance[]
  readonly signal: AbortSignal
  onProgress(done: number, of: number): void
}): Promise<Adapted> {
  let model = new GaussianModel(o.file)
  let file = o.file
  let before: number | null = null
  let counted = { frames: 0, unaligned: 0, mean: 0 }
  for (let round = 0; round <= ROUNDS; round++) {
    const statistics = new MeanStatistics(model)
    let unaligned = 0
    for (const [index, utterance] of o.utterances.entries()) {
      o.signal.throwIfAborted()
      if (!addTo(statistics, model, o.phones, utterance)) unaligned++
      o.onProgress(round * o.utterances.length + index + 1, (ROUNDS + 1) * o.utterances.length)
      // Hours of it would otherwise never let a signal through.
      await new Promise((resolve) => setImmediate(resolve))
    }
    counted = { frames: statistics.frames, unaligned, mean: statistics.meanLogLikelihood }
    before ??= counted.mean
    // The last round only looks at what came of it.
    if (round === ROUNDS) break
    file = model.withMeans(statistics.means())
    model = new GaussianModel(file)
  }
  return {
    file,
    utterances: o.utterances.length,
    unaligned: counted.unaligned,
    frames: counted.frames,
    before: before ?? 0,
    after: counted.mean,
  }
}

function addTo(
  statistics: MeanStatistics,
  model: GaussianModel,
  phones: PhoneModel,
  { net, features, frames }: Utterance,
): boolean {
  const needed = [...new Set(net.senones)]
  const codebooks = [...new Set(needed.map((senone) => model.codebookOf(senone)))]
  const place = new Map(needed.map((senone, index) => [senone, index]))
  const scores = new Float64Array(frames * needed.length)
  for (let t = 0; t < frames; t++) {
    model.see(features, t * FEATURES, codebooks)
    for (const [index, senone] of needed.entries()) scores[t * needed.length + index] = model.score(senone)
  }
  const path = align(
    { net, model: phones },
    frames,
    (t, senone) => scores[t * needed.length + (place.get(senone) ?? 0)] as number,
  )
  if (path === null) return false
  for (let t = 0; t < frames; t++) statistics.add(features, t * FEATURES, path[t] as number)
  return true
}
