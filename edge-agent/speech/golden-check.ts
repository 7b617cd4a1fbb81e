/**
 * A bundle's golden vectors are run before it is trusted: the same file computes other numbers on some processors
 * (8-bit saturation without VNNI) or after a bad download, and a wrong number here is a wrong command later.
 */
import * as v from 'valibot'
import { ModelRefused } from './errors.ts'
import { FEATURES } from './features.ts'
import type { Scorer } from './scorer.ts'

const Golden = v.strictObject({
  toleranceNats: v.pipe(v.number(), v.minValue(0)),
  features: v.pipe(v.array(v.pipe(v.array(v.number()), v.length(FEATURES))), v.minLength(1)),
  senones: v.pipe(v.array(v.number()), v.minLength(1)),
  expected: v.array(v.array(v.number())),
})

/** Throws {@link ModelRefused} when the model's numbers differ from the golden ones by more than their tolerance. */
export async function checkGolden(json: string, score: Scorer, senoneCount: number): Promise<void> {
  const parsed = v.safeParse(Golden, JSON.parse(json))
  if (!parsed.success || parsed.output.expected.length !== parsed.output.features.length)
    throw new ModelRefused('golden.json is malformed', { remedy: 'Install the model again.' })
  const golden = parsed.output
  const frames = golden.features.length
  const { senones } = await score(Float32Array.from(golden.features.flat()), frames)
  if (senones.length !== frames * senoneCount)
    throw new ModelRefused(
      `the model gives ${senones.length / frames} scores a frame, ${senoneCount} expected`,
      {
        remedy: 'Install the model again: its files do not belong together.',
      },
    )
  let worst = 0
  golden.expected.forEach((row, t) => {
    if (row.length !== golden.senones.length) worst = Infinity
    row.forEach((value, i) => {
      const difference = Math.abs(value - (senones[t * senoneCount + (golden.senones[i] ?? 0)] ?? Infinity))
      if (!(difference <= worst)) worst = difference
    })
  })
  if (!(worst <= golden.toleranceNats))
    throw new ModelRefused(
      `the model differs from its golden vectors by ${worst} nats, ${golden.toleranceNats} allowed`,
      {
        remedy:
          'Install the model again; if it stays so, this processor computes the model wrongly: report it.',
        details: { worst },
      },
    )
}
