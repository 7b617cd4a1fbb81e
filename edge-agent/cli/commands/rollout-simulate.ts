/** `starling rollout simulate`: what a rollout would come to, before anybody's device is touched. */
import { setImmediate as turn } from 'node:timers/promises'
import { simulation } from '../../../rollout/simulation/simulate.ts'
import type { ConvergencePoint, SimulationReport } from '../../../rollout/simulation/report.ts'
import type { SimulationInput } from '../../../rollout/simulation/settings.ts'
import { StarlingError } from '../../../shared/errors.ts'
import type { Call } from '../call.ts'
import { EXIT, type ExitCode } from '../output.ts'

export class SimulationStopped extends StarlingError {
  override readonly code = 'simulation_stopped'
}

export interface SimulateOptions {
  readonly devices: number
  readonly seed: number
  readonly regression: number
  readonly offline: number
  readonly drift: number
  readonly crashLoop: number
  readonly clockJumps: number
  readonly rings?: readonly number[]
  readonly emergency: boolean
}

export async function rolloutSimulate(call: Call, options: SimulateOptions): Promise<ExitCode> {
  const { devices, seed, regression, offline, drift, crashLoop, clockJumps, rings, emergency } = options
  const report = await followed(call, {
    devices,
    seed,
    regression,
    offline,
    drift,
    crashLoop,
    clockJumps,
    emergency,
    rings: rings === undefined ? null : [...rings],
  })
  call.output.answer(report, linesOf(report))
  return EXIT.ok
}

/** A large fleet takes a minute: so often it says how far it is, and leaves time to be stopped. */
const SAID_EVERY_MS = 5_000
const STOPPABLE_EVERY_MS = 100

async function followed(call: Call, input: SimulationInput): Promise<SimulationReport> {
  const course = simulation(input)
  let saidMs = performance.now()
  let turnedMs = saidMs
  for (;;) {
    const { done, value } = course.next()
    if (done === true) return value
    const nowMs = performance.now()
    if (nowMs - turnedMs >= STOPPABLE_EVERY_MS) {
      await turn()
      if (call.signal.aborted)
        throw new SimulationStopped('the simulation was stopped before its end', {
          remedy: 'Run it again: the same seed comes to the same end.',
        })
      turnedMs = nowMs
    }
    if (nowMs - saidMs < SAID_EVERY_MS) continue
    call.output.progress(progressOf(value))
    saidMs = nowMs
  }
}

function progressOf({ hours: at, exposed, running }: ConvergencePoint): string {
  return `hour ${at}: ${percent(exposed)} of the fleet was given the candidate, ${percent(running)} runs it`
}

/** A curve of so many lines fits on a screen. */
const CURVE_LINES = 24
const NAMED_LINES = 10
const BAR_WIDTH = 40

function linesOf(report: SimulationReport): readonly string[] {
  const { verdict, convergence, stragglers, bytes, rings } = report
  const every = Math.max(1, Math.ceil(convergence.length / CURVE_LINES))
  const shown = convergence.filter((_, at) => at % every === 0 || at === convergence.length - 1)
  const sites = Object.entries(bytes.bySite).sort(([, a], [, b]) => b - a)
  return [
    `verdict          ${verdict}`,
    `why              ${report.why}`,
    `devices exposed  ${report.devicesExposed} (${percent(report.exposedShare)} of the fleet; declared ${percent(report.declaredShare)})`,
    `time to halt     ${report.secondsToHalt === null ? '-' : `${hours(report.secondsToHalt)} h`}`,
    `virtual time     ${hours(report.virtualSeconds)} h`,
    `state hash       ${report.stateHash}`,
    `mixed devices    ${report.mixedDevices}`,
    'rings',
    ...rings.map(({ name, outcome, hours: open }) => `  ${name.padEnd(12)} ${outcome} after ${open} h`),
    'convergence (hours, share that runs the candidate)',
    ...shown.map(
      ({ hours: at, running }) =>
        `  ${String(at).padStart(8)}  ${percent(running).padStart(7)} ${'#'.repeat(Math.round(Math.max(0, running) * BAR_WIDTH))}`,
    ),
    `stragglers       ${stragglers.count}`,
    ...stragglers.named
      .slice(0, NAMED_LINES)
      .map(
        ({ device, site, why, code }) => `  ${device} at ${site}: ${why}${code === null ? '' : ` (${code})`}`,
      ),
    `bytes over links ${bytes.total}, ${sites.length} sites; the most:`,
    ...sites.slice(0, NAMED_LINES).map(([site, count]) => `  ${site.padEnd(12)} ${count}`),
  ]
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`
}

function hours(seconds: number): string {
  return (seconds / 3_600).toFixed(2)
}
