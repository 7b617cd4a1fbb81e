/**
 * What this device counts of the bundles that it runs: time, crashes, turns, their latency and confidence, and how often a person
 * had to decide. Counts only grow and lie on the disk, so that a report that is lost, or sent twice, changes nothing.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { HealthReportSchema, type HealthReport } from '../../shared/wire/state.ts'
import { replaceFile, type Disk } from '../models-store/disk.ts'
import { ShadowTotals, type Shadowed } from './shadow-totals.ts'

/** Versions that are remembered: those of today and of the campaigns that a report can still matter to. */
const MAX_KEPT = 32
/** Turns of which the quantiles are told. */
const RECENT_TURNS = 200

const StoredSchema = v.strictObject({
  v: v.literal(1),
  sequence: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** False while the agent runs: what finds it so at its start was not stopped, it ended. */
  stopped: v.boolean(),
  running: v.array(v.string()),
  counts: v.array(HealthReportSchema),
})

/** What runs under a name, and by which decision; no number where nobody decided but the alias. */
export interface Running {
  readonly name: string
  readonly envelopeSha256: string
  readonly offer: number | null
}

export interface TakenTurn {
  readonly latencyMs: number
  readonly confidence: number
  /** A person had to decide, or took back what was done. */
  readonly intervened: boolean
}

export interface Health {
  taken(turn: TakenTurn): void
  /** From now on these run; what was counted before stays with what ran before. */
  runs(bundles: readonly Running[]): void
  /** What a version counted beside the one that runs; `counts` only grow while the process lives. */
  shadowed(bundle: Running, counts: Shadowed): void
  /** The counts as they stand, under the next number; on the disk before they are told. */
  report(): Promise<{ readonly sequence: number; readonly health: readonly HealthReport[] }>
  /** The agent was stopped: its next start finds no crash. */
  close(): Promise<void>
}

/** Opens the counts; a file that cannot be read begins them anew. */
export async function openHealth(parts: {
  readonly folder: string
  readonly disk: Disk
  readonly clock: Clock
}): Promise<Health> {
  const { disk, clock } = parts
  const path = join(parts.folder, 'health.json')
  const stored = read(path)
  const counts = new Map(stored.counts.map((one) => [keyOf(one), one]))
  const recent = new Map<string, number[]>()
  const shadows = new ShadowTotals()
  let running = stored.running.filter((key) => counts.has(key))
  let { sequence } = stored
  let sinceMs = clock.monotonicMs()
  const change = (key: string, by: (one: HealthReport) => Partial<HealthReport>): void => {
    const one = counts.get(key)
    if (one !== undefined) counts.set(key, { ...one, ...by(one) })
  }
  const kept = (): readonly HealthReport[] => newest(counts, running)
  const save = async (stopped: boolean): Promise<void> => {
    const content = { v: 1, sequence, stopped, running, counts: kept() }
    await replaceFile(disk, path, new TextEncoder().encode(JSON.stringify(content)))
  }
  const tally = (): void => {
    const nowMs = clock.monotonicMs()
    const passedMs = Math.max(0, Math.round(nowMs - sinceMs))
    sinceMs = nowMs
    for (const key of running) change(key, ({ upMs }) => ({ upMs: upMs + passedMs }))
  }
  if (!stored.stopped) for (const key of running) change(key, ({ crashes }) => ({ crashes: crashes + 1 }))
  await save(false)
  return {
    taken: ({ latencyMs, confidence, intervened }) => {
      for (const key of running) {
        const last = recent.get(key) ?? []
        recent.set(key, [...last, latencyMs].slice(-RECENT_TURNS))
        change(key, (one) => ({
          turns: one.turns + 1,
          interventions: one.interventions + (intervened ? 1 : 0),
          latencyMsSum: one.latencyMsSum + Math.max(0, latencyMs),
          confidenceSum: one.confidenceSum + Math.max(0, confidence),
        }))
      }
    },
    runs: (bundles) => {
      tally()
      running = bundles.map((bundle) => {
        const key = keyOf(bundle)
        if (!counts.has(key)) counts.set(key, nothing(bundle))
        return key
      })
    },
    shadowed: (bundle, { inputs, worse, better }) => {
      const key = keyOf(bundle)
      const one = counts.get(key) ?? nothing(bundle)
      counts.set(key, { ...one, shadow: shadows.total(key, { inputs, worse, better }, one.shadow) })
    },
    report: async () => {
      tally()
      sequence += 1
      for (const key of running) change(key, () => ({ latencyMs: quantiles(recent.get(key) ?? []) }))
      await save(false)
      return { sequence, health: kept() }
    },
    close: async () => {
      tally()
      await save(true)
    },
  }
}

/** What runs, and the newest of what ran. */
function newest(
  counts: ReadonlyMap<string, HealthReport>,
  running: readonly string[],
): readonly HealthReport[] {
  const runs = [...counts].filter(([key]) => running.includes(key))
  const ran = [...counts].filter(([key]) => !running.includes(key))
  return [...ran.slice(-Math.max(0, MAX_KEPT - runs.length)), ...runs].map(([, one]) => one)
}

function read(path: string): v.InferOutput<typeof StoredSchema> {
  try {
    return v.parse(StoredSchema, JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return { v: 1, sequence: 0, stopped: true, running: [], counts: [] } // New, or torn: counting begins anew.
  }
}

function nothing({ name, envelopeSha256, offer }: Running): HealthReport {
  return {
    name,
    envelopeSha256,
    ...(offer === null ? {} : { offer }),
    upMs: 0,
    crashes: 0,
    turns: 0,
    interventions: 0,
    latencyMsSum: 0,
    confidenceSum: 0,
    latencyMs: null,
  }
}

function keyOf(of: {
  readonly name: string
  readonly envelopeSha256: string
  readonly offer?: number | null
}): string {
  return `${of.name} ${of.envelopeSha256} ${of.offer ?? ''}`
}

/** By nearest rank; null of nothing. */
function quantiles(values: readonly number[]): HealthReport['latencyMs'] {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95) }
}
