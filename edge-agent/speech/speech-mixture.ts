/** A small mixture of Gaussians over the static cepstra of all speech, made from the acoustic model's own (mixture.json). */
import * as v from 'valibot'
import { ModelRefused } from './errors.ts'
import { CEPSTRA } from './front-end.ts'

const MixtureFile = v.strictObject({
  weights: v.pipe(v.array(v.pipe(v.number(), v.gtValue(0))), v.minLength(1), v.maxLength(1_024)),
  means: v.array(v.pipe(v.array(v.number()), v.length(CEPSTRA))),
  variances: v.array(v.pipe(v.array(v.pipe(v.number(), v.minValue(1e-3))), v.length(CEPSTRA))),
})

/** Row-major, CEPSTRA columns; the mean of all speech is near zero. */
export interface SpeechMixture {
  readonly count: number
  readonly weights: Float64Array
  readonly means: Float64Array
  readonly variances: Float64Array
}

/** Throws {@link ModelRefused}. */
export function speechMixture(json: string): SpeechMixture {
  const parsed = v.safeParse(MixtureFile, JSON.parse(json))
  if (
    !parsed.success ||
    parsed.output.means.length !== parsed.output.weights.length ||
    parsed.output.variances.length !== parsed.output.weights.length
  )
    throw new ModelRefused('mixture.json is malformed', { remedy: 'Install the model again.' })
  const { weights, means, variances } = parsed.output
  return {
    count: weights.length,
    weights: Float64Array.from(weights),
    means: Float64Array.from(means.flat()),
    variances: Float64Array.from(variances.flat()),
  }
}
