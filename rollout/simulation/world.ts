/** The fleet that a seed makes: sites with a link each, devices on them, what they run and how they fare. */
import { seeded } from '../../shared/seeded.ts'
import type { CampaignEvent, Health } from '../campaign/events.ts'
import type { InstallState } from '../install.ts'
import { exponential, normal } from './chance.ts'
import type { SimulationSettings } from './settings.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

const DEVICES_A_SITE = 20
/** Bytes a second over a site's link, from a poor radio link to a good one. */
const SLOWEST_LINK = 25_000
const FASTEST_LINK = 2_500_000
/** How long a device is offline at a time, on average. */
const MEAN_OFFLINE_MS = 3 * HOUR_MS

export interface SimSite {
  readonly name: string
  readonly bytesPerSecond: number
  /** How much more often than elsewhere devices fail there: all of a site together. */
  readonly noise: number
  readonly utcOffsetMinutes: number
  /** When its link is free again. */
  linkFreeMs: number
  /** When its leaf has the bundle of that generation. */
  fetched: { readonly generation: number; readonly atMs: number } | null
  bytes: number
}

export interface SimDevice {
  readonly name: string
  readonly at: number
  readonly site: SimSite
  readonly random: () => number
  /** Its usual latency, milliseconds, and confidence. */
  readonly latencyMs: number
  readonly confidence: number
  readonly cannotInstall: boolean
  readonly isLooping: boolean
  install: InstallState
  /** Tries at the bundle that failed last. */
  attempt: number
  runs: 'candidate' | 'last_good'
  /** The pieces of the candidate that lie in its other slot. */
  pieces: number
  generation: number
  sequence: number
  usual: Health
  candidate: Health | null
  shadow: { inputs: number; worse: number; better: number } | null
  /** Up to when its counts are kept. */
  countedMs: number
  isOnline: boolean
  /** Until when it stays on or off line. */
  linkedMs: number
  isAsking: boolean
  /** What happens to it next, the earliest first. */
  pending: Pending | null
  /** When it is called next by the agenda of the whole fleet; infinite while it is not. */
  calledMs: number
  /** Up to when its failures are drawn, for the version that runs in this life of it. */
  drawnMs: number
  life: number
}

/** Something that happens to one device; `life`: of the version that would fail. */
export type Happening =
  | { readonly kind: 'join' | 'ask' | 'look' | 'step' | 'report' }
  | { readonly kind: 'crash' | 'intervention'; readonly life: number }
  | { readonly kind: 'arrive'; readonly event: CampaignEvent }

/** A device's own list of what happens to it: a few entries, in their order. */
export interface Pending {
  readonly atMs: number
  readonly what: Happening
  next: Pending | null
}

export interface World {
  readonly settings: SimulationSettings
  readonly sites: readonly SimSite[]
  readonly devices: readonly SimDevice[]
  readonly byName: ReadonlyMap<string, SimDevice>
  readonly random: () => number
}

/** The whole fleet at `startMs`, each device a little older than a week. */
export function makeWorld(settings: SimulationSettings, startMs: number): World {
  const random = seeded(settings.seed)
  const siteCount = Math.max(1, Math.ceil(settings.devices / DEVICES_A_SITE))
  const sites = Array.from({ length: siteCount }, (_, at): SimSite => {
    const speed = SLOWEST_LINK * (FASTEST_LINK / SLOWEST_LINK) ** random()
    return {
      name: `site-${at}`,
      bytesPerSecond: Math.round(speed),
      noise: Math.exp(0.5 * normal(random) - 0.125),
      utcOffsetMinutes: 60 * (Math.floor(random() * 24) - 11),
      linkFreeMs: startMs,
      fetched: null,
      bytes: 0,
    }
  })
  const devices = Array.from({ length: settings.devices }, (_, at): SimDevice => {
    const own = seeded(Math.floor(random() * 2 ** 32))
    const site = sites[Math.floor(random() * sites.length)] ?? sites[0]
    if (site === undefined) throw new RangeError('a fleet has a site')
    return makeDevice({ at, site, random: own, settings, startMs })
  })
  return { settings, sites, devices, byName: new Map(devices.map((device) => [device.name, device])), random }
}

/** The chance that a device cannot take a bundle that nothing is wrong with: its disk, its memory, its age. */
const CANNOT_INSTALL = 0.003

function makeDevice({
  at,
  site,
  random,
  settings,
  startMs,
}: Pick<SimDevice, 'at' | 'site' | 'random'> & { settings: SimulationSettings; startMs: number }): SimDevice {
  const latencyMs = 150 + 100 * random()
  const confidence = 0.8 + 0.15 * random()
  const turns = 1_000 + Math.floor(1_000 * random())
  const isOnline = random() >= settings.offline
  return {
    name: `device-${at}`,
    at,
    site,
    random,
    latencyMs,
    confidence,
    cannotInstall: random() < CANNOT_INSTALL * settings.regression,
    isLooping: random() < settings.crashLoop,
    install: { kind: 'IDLE' },
    attempt: 0,
    runs: 'last_good',
    pieces: 0,
    generation: 0,
    sequence: 0,
    usual: {
      upMs: 7 * 24 * HOUR_MS,
      crashes: 0,
      interventions: 0,
      turns,
      latencyMsSum: turns * latencyMs,
      confidenceSum: turns * confidence,
    },
    candidate: null,
    shadow: null,
    countedMs: startMs,
    isOnline,
    linkedMs: startMs + exponential(random, meanMs(settings, isOnline)),
    isAsking: false,
    pending: null,
    calledMs: Number.POSITIVE_INFINITY,
    drawnMs: startMs,
    life: 0,
  }
}

/** When the device is next online, at `nowMs` or later: it goes on and off by itself, memoryless in both. */
export function onlineFrom(device: SimDevice, settings: SimulationSettings, nowMs: number): number {
  while (device.linkedMs <= nowMs) {
    device.isOnline = !device.isOnline
    device.linkedMs += exponential(device.random, meanMs(settings, device.isOnline))
  }
  return device.isOnline ? nowMs : device.linkedMs
}

function meanMs({ offline }: SimulationSettings, isOnline: boolean): number {
  if (!isOnline) return offline === 0 ? 0 : MEAN_OFFLINE_MS
  return offline === 0 ? Number.POSITIVE_INFINITY : (MEAN_OFFLINE_MS * (1 - offline)) / offline
}
