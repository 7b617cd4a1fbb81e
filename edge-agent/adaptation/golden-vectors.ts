/** Golden vectors of an adapted model: the same inputs as its base's, with what our own arithmetic, not the runtime's, makes of them. */
import * as v from 'valibot'
import { GaussianModel } from './gaussian-model.ts'

const Golden = v.looseObject({
  features: v.array(v.array(v.number())),
  senones: v.array(v.number()),
})

export function goldenOf(baseGolden: string, file: Uint8Array): string {
  const golden = v.parse(Golden, JSON.parse(baseGolden))
  const model = new GaussianModel(file)
  const expected = golden.features.map((row) => {
    model.see(Float32Array.from(row), 0)
    return golden.senones.map((senone) => Number(model.score(senone).toFixed(4)))
  })
  return JSON.stringify({ ...golden, expected })
}
