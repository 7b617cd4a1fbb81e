/** What a simulation is asked for. Whatever is not said here is the same for every run; the seed says the rest. */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import { describeIssues } from '../../shared/wire/answer.ts'

/** Ten times the largest fleet that is measured. */
export const MAX_SIMULATED_DEVICES = 1_000_000

const SettingsSchema = v.strictObject({
  devices: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_SIMULATED_DEVICES)),
  seed: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31)),
  /** How many times as often the candidate fails as what it replaces. */
  regression: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 1),
  /** The share of devices that is offline at any moment. */
  offline: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(0.95)), 0.05),
  /** By how much of the usual rate the candidate fails more often with each day that it runs. */
  drift: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 0),
  /** The share of devices on which the candidate kills its process whenever it is loaded. */
  crashLoop: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
  /** The shares of the rings, the last one 1; null: as is usual for such a fleet. */
  rings: v.optional(v.nullable(v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(12))), null),
  emergency: v.optional(v.boolean(), false),
  /** The centre's clock jumps by up to a year, forth and back, so many times a day. */
  clockJumps: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(24)), 0),
})
export type SimulationSettings = v.InferOutput<typeof SettingsSchema>
export type SimulationInput = v.InferInput<typeof SettingsSchema>

export class BadSimulation extends StarlingError {
  override readonly code = 'bad_simulation'
}

/** Throws {@link BadSimulation}, which names the field. */
export function parseSettings(value: unknown): SimulationSettings {
  const parsed = v.safeParse(SettingsSchema, value)
  if (parsed.success) return parsed.output
  throw new BadSimulation(`this cannot be simulated: ${describeIssues(parsed.issues)}`, {
    remedy: 'See `starling rollout simulate --help`.',
  })
}
