/**
 * One ring of a fleet whose devices hang together, as the facts that a gate is told, in order of time: devices of a site
 * fail together when their site has an outage, some devices fail far oftener than others, and some hours are worse for the
 * whole fleet. Which devices are treated, and what happens, comes from the seed.
 */
import type { Arm, GateFact } from '../../../rollout/gates/fact.ts'

export const HOUR_MS = 3_600_000
/** How long a device is watched, and over how long the devices of a ring start. */
const PROBATION_MS = 24 * HOUR_MS
const START_SPREAD_MS = 24 * HOUR_MS

export interface Ring {
  readonly sites: number
  readonly devicesPerSite: number
  /** Share of the fleet that is treated in this ring, and that is its control. */
  readonly treated: number
  readonly control: number
  /** Share of the control's devices that fail in their probation. */
  readonly failing: number
  /** What the release does: treated devices fail so many times oftener; their scores are so much higher. */
  readonly harm: number
  readonly drift: number
}

/** A site has an outage in this share of rings, and each of its devices then fails with that chance. */
const SITE_OUTAGE = 0.02
const FAILS_IN_OUTAGE = 0.15
/** One device in ten fails so many times oftener than the others. */
const FRAIL_SHARE = 0.1
const FRAILTY = 5
const OUTAGE_SPREAD_MS = 6 * HOUR_MS
/** Scores: what a site's devices share, what the second half of the time adds, and what a device adds by itself. */
const SITE_SPREAD = 0.2
const LATER_SHIFT = 0.05
const DEVICE_SPREAD = 0.2

/** What a gate over failures is told of a ring. */
export function* failureFacts(ring: Ring, random: () => number): Generator<GateFact> {
  // Outages are part of what fails; frail devices keep the mean.
  const quiet = (ring.failing - SITE_OUTAGE * FAILS_IN_OUTAGE) / (1 - FRAIL_SHARE + FRAIL_SHARE * FRAILTY)
  yield* facts(ring, random, () => {
    const outageAtMs = random() < SITE_OUTAGE ? START_SPREAD_MS + random() * OUTAGE_SPREAD_MS : null
    return (arm, startMs) => {
      const harm = arm === 'treated' ? ring.harm : 1
      const alone = random() < quiet * (random() < FRAIL_SHARE ? FRAILTY : 1) * harm
      if (alone) return { value: 1, endMs: startMs + random() * PROBATION_MS }
      const together = outageAtMs !== null && random() < FAILS_IN_OUTAGE * harm
      if (together) return { value: 1, endMs: outageAtMs + random() * HOUR_MS }
      return { value: 0, endMs: startMs + PROBATION_MS }
    }
  })
}

/** What a gate over scores is told of a ring. */
export function* scoreFacts(ring: Ring, random: () => number): Generator<GateFact> {
  yield* facts(ring, random, () => {
    const ofSite = (random() - 0.5) * SITE_SPREAD
    return (arm, startMs) => {
      const ofHour = startMs > START_SPREAD_MS / 2 ? LATER_SHIFT : 0
      const own = (random() + random() + random() - 1.5) * DEVICE_SPREAD
      const value = 0.5 + ofSite + ofHour + own + (arm === 'treated' ? ring.drift : 0)
      return { value: Math.min(1, Math.max(0, value)), endMs: startMs + PROBATION_MS }
    }
  })
}

type Fate = (arm: Arm, startMs: number) => { readonly value: number; readonly endMs: number }

/** Kept in columns and sorted as plain numbers: a ring has tens of thousands of devices, and there are thousands of rings. */
function* facts(ring: Ring, random: () => number, ofSite: () => Fate): Generator<GateFact> {
  const most = ring.sites * ring.devicesPerSite
  const [sites, values] = [new Uint32Array(most), new Float64Array(most)]
  const isTreated = new Uint8Array(most)
  const keys = new Float64Array(2 * most)
  const names: string[] = []
  let count = 0
  for (let site = 0; site < ring.sites; site += 1) {
    const fate = ofSite()
    names.push(`site-${site}`)
    for (let place = 0; place < ring.devicesPerSite; place += 1) {
      const drawn = random()
      if (drawn >= ring.treated + ring.control) continue
      const arm = drawn < ring.treated ? 'treated' : 'control'
      const startMs = Math.floor(random() * START_SPREAD_MS)
      const { value, endMs } = fate(arm, startMs)
      sites[count] = site
      values[count] = value
      isTreated[count] = arm === 'treated' ? 1 : 0
      // The time, then the device's place, odd where it is judged.
      keys[2 * count] = (startMs * most + count) * 2
      keys[2 * count + 1] = (Math.floor(endMs) * most + count) * 2 + 1
      count += 1
    }
  }
  for (const key of keys.subarray(0, 2 * count).sort()) {
    const place = Math.floor(key / 2) % most
    const arm = isTreated[place] === 1 ? 'treated' : 'control'
    const site = names[sites[place] ?? 0] ?? ''
    const common = { device: String(place), site, arm, atMs: Math.floor(key / 2 / most) } as const
    if (key % 2 === 0) yield { kind: 'entered', ...common }
    else yield { kind: 'judged', ...common, value: values[place] ?? 0 }
  }
}

/** What a shadow is told of a ring: some inputs an hour, one device worse at hearing than another. */
export function* shadowFacts(
  { devices, worse, better }: { readonly devices: number; readonly worse: number; readonly better: number },
  random: () => number,
): Generator<GateFact> {
  const shares = Array.from({ length: devices }, () => random() * 2)
  for (let window = 0; window < 6; window += 1) {
    for (const [at, share] of shares.entries()) {
      const inputs = 10 + Math.floor(random() * 40)
      const drawn = Array.from({ length: inputs }, () => random())
      yield {
        kind: 'shadowed',
        device: `d${at}`,
        site: 'site',
        atMs: window * 4 * HOUR_MS,
        inputs,
        worse: drawn.filter((one) => one < worse * share).length,
        better: drawn.filter((one) => one > 1 - better * share).length,
      }
    }
  }
}
