/** What a simulated device counts while it runs, and when it next fails. */
import type { Health } from '../campaign/events.ts'
import { binomial, exponential, normal } from './chance.ts'
import type { SimulationSettings } from './settings.ts'
import { HOUR_MS, MINUTE_MS, type SimDevice } from './world.ts'

/** Somebody speaks to a device ten times an hour. */
const TURN_MS = 6 * MINUTE_MS
/** One device in fifty fails in a day, and with one in fifty a person has to step in, whatever it runs. */
const CRASHES_A_DAY = 0.02
const INTERVENTIONS_A_DAY = 0.02
/** Of inputs on which both versions differ, by chance for the worse or for the better. */
const DISAGREEMENTS = 0.02
/** By how much a day of full drift lowers the candidate's confidence. */
const CONFIDENCE_LOST_A_DAY = 0.02
const DAY_MS = 24 * HOUR_MS

export const NOTHING_COUNTED: Health = {
  upMs: 0,
  crashes: 0,
  interventions: 0,
  turns: 0,
  latencyMsSum: 0,
  confidenceSum: 0,
}

/** The counts of what runs now. */
function countsOf({ runs, candidate, usual }: SimDevice): Health {
  return runs === 'candidate' ? (candidate ?? NOTHING_COUNTED) : usual
}

function setCounts(device: SimDevice, counts: Health): void {
  if (device.runs === 'candidate') device.candidate = counts
  else device.usual = counts
}

/** Brings the counts of what runs up to `nowMs`, whole turns at a time. */
export function countUp(device: SimDevice, { drift }: SimulationSettings, nowMs: number): void {
  const turns = Math.floor((nowMs - device.countedMs) / TURN_MS)
  if (turns <= 0) return
  device.countedMs += turns * TURN_MS
  const counts = countsOf(device)
  const days = device.runs === 'candidate' ? counts.upMs / DAY_MS : 0
  const spread = normal(device.random) / Math.sqrt(turns)
  const confidence = device.confidence - drift * days * CONFIDENCE_LOST_A_DAY + 0.05 * spread
  setCounts(device, {
    upMs: counts.upMs + turns * TURN_MS,
    crashes: counts.crashes,
    interventions: counts.interventions,
    turns: counts.turns + turns,
    latencyMsSum: counts.latencyMsSum + turns * Math.max(1, device.latencyMs * (1 + 0.1 * spread)),
    confidenceSum: counts.confidenceSum + turns * Math.min(1, Math.max(0, confidence)),
  })
}

/** What runs now fails at `nowMs`. */
export function fail(
  device: SimDevice,
  settings: SimulationSettings,
  { kind, nowMs }: { readonly kind: 'crash' | 'intervention'; readonly nowMs: number },
): void {
  countUp(device, settings, nowMs)
  const counts = countsOf(device)
  const { crashes, interventions } = counts
  setCounts(
    device,
    kind === 'crash' ? { ...counts, crashes: crashes + 1 } : { ...counts, interventions: interventions + 1 },
  )
}

/** How much more often than usual the device fails by what it runs now. */
function multiplier(device: SimDevice, { regression, drift }: SimulationSettings): number {
  if (device.runs === 'last_good') return 1
  return regression * (1 + (drift * (device.candidate?.upMs ?? 0)) / DAY_MS)
}

export interface NextFailures {
  readonly crashMs: number
  readonly interventionMs: number
}

/** When the device would next fail from `nowMs` on; memoryless, so it may be drawn when somebody begins to look. */
export function nextFailures(device: SimDevice, settings: SimulationSettings, nowMs: number): NextFailures {
  const rate = device.site.noise * multiplier(device, settings)
  const draw = (aDay: number): number =>
    rate === 0 ? Number.POSITIVE_INFINITY : nowMs + exponential(device.random, DAY_MS / (aDay * rate))
  return { crashMs: draw(CRASHES_A_DAY), interventionMs: draw(INTERVENTIONS_A_DAY) }
}

/** One window of both versions side by side: where the candidate fails more often, it is for the worse. */
export function shadowWindow(device: SimDevice, { regression }: SimulationSettings, inputs: number): void {
  const shadow = (device.shadow ??= { inputs: 0, worse: 0, better: 0 })
  const worse = binomial(device.random, inputs, Math.min(0.9, DISAGREEMENTS * regression))
  const better = binomial(device.random, inputs - worse, DISAGREEMENTS)
  device.shadow = {
    inputs: shadow.inputs + inputs,
    worse: shadow.worse + worse,
    better: shadow.better + better,
  }
}

export function shadowWindowMs(inputs: number): number {
  return inputs * TURN_MS
}
