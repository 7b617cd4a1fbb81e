/**
 * What is measured of a bundle once it runs, agreed before it is published: names, units, which way is better, and from where on
 * it is a fault. Devices report by these names, gates judge by them.
 */
import * as v from 'valibot'

export const MetricSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,59}$/)),
  unit: v.picklist(['share', 'milliseconds', 'score', 'count']),
  /** Which way is better. */
  direction: v.picklist(['lower', 'higher']),
  /** Reported by devices that run it, or measured before it was published. */
  source: v.picklist(['device', 'evaluation']),
  /** Beyond it, in the worse direction, it is a fault; null where it is only held against a control or an incumbent. */
  threshold: v.nullable(v.pipe(v.number(), v.finite())),
})
export type Metric = v.InferOutput<typeof MetricSchema>

/** Long enough for what devices report and a model's own qualities; each name is a column somewhere. */
export const MAX_METRICS = 32
export const MetricContractSchema = v.pipe(v.array(MetricSchema), v.maxLength(MAX_METRICS))

/**
 * What is reported of every bundle on every device, by the names of the gates that judge it: the share of devices on which it did not
 * install, on which it crashed or fell silent after it was activated, how long an answer took, how sure it was, and how often
 * somebody had to step in. A contract names each of them; its thresholds may differ.
 */
export const DEVICE_METRICS = [
  { name: 'install', unit: 'share', direction: 'lower', source: 'device', threshold: 0.05 },
  { name: 'crash', unit: 'share', direction: 'lower', source: 'device', threshold: 0.02 },
  { name: 'latency', unit: 'milliseconds', direction: 'lower', source: 'device', threshold: null },
  { name: 'confidence', unit: 'score', direction: 'higher', source: 'device', threshold: null },
  { name: 'intervention', unit: 'share', direction: 'lower', source: 'device', threshold: null },
] as const satisfies readonly Metric[]

/** What a contract lacks or says twice, in words; null for one that can be judged by. */
export function contractFault(contract: readonly Metric[]): string | null {
  const names = contract.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return `${twice} is named twice`
  for (const { name, unit, direction } of DEVICE_METRICS) {
    const named = contract.find((metric) => metric.name === name)
    if (named === undefined) return `${name} is not in it, which every device reports`
    if (named.unit !== unit || named.direction !== direction || named.source !== 'device')
      return `${name} is reported by devices in ${unit}, ${direction} is better`
  }
  if (!contract.some(({ source }) => source === 'evaluation')) return 'it names no quality of its own'
  return null
}
