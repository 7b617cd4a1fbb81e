/**
 * A whole campaign over a fleet that a seed makes, on a virtual clock: the production reducer decides, the production state
 * machine installs, links lose and delay, devices go offline, lose power and fail. The same settings give the same report.
 */
import { assignmentFor, servedBy, type Assignment } from '../campaign/assignment.ts'
import type { DeviceReport } from '../campaign/events.ts'
import { wantsOf } from '../campaign/grant.ts'
import { isBusy } from '../install.ts'
import { Agenda } from './agenda.ts'
import { SimulatedCentre, TICK_MS } from './centre.ts'
import { countUp, fail, nextFailures } from './health.ts'
import { isSettled, move, PIECES } from './installing.ts'
import { simulatedPlan } from './plan.ts'
import { reportOf, type ConvergencePoint, type SimulationReport } from './report.ts'
import { parseSettings, type SimulationInput } from './settings.ts'
import { exponential } from './chance.ts'
import {
  HOUR_MS,
  makeWorld,
  MINUTE_MS,
  onlineFrom,
  type Happening,
  type Pending,
  type SimDevice,
  type World,
} from './world.ts'

/** A Monday at noon. */
const START_MS = Date.UTC(2026, 0, 5, 12)
/** How often a device asks and reports by itself: whatever concerns many comes to them spread over that time. */
const POLL_MS = 6 * HOUR_MS
/** Within so long after a device was told to ask, it has asked. */
const NUDGED_MS = 30_000
/** Share of the fleet that joins while the campaign runs, and until when. */
const LATE_JOINERS = 0.01
const JOINED_BY_MS = 72 * HOUR_MS
/** Links: reports that come late, by how much, and that come twice. */
const LATE = 0.03
const LATE_MS = 2 * HOUR_MS
const TWICE = 0.02
/** A ring without a verdict for so long is left as it is: HOLD. */
const PATIENCE_MS = 21 * 24 * HOUR_MS
/** How long after the end of a campaign stragglers are waited for. */
const AFTERWARDS_MS = 7 * 24 * HOUR_MS
const CURVE_MS = 6 * HOUR_MS

const JOIN: Happening = { kind: 'join' }
const ASK: Happening = { kind: 'ask' }
const LOOK: Happening = { kind: 'look' }
const STEP: Happening = { kind: 'step' }
const REPORT: Happening = { kind: 'report' }

/** A device that is looked after now needs no call. */
const RUNNING = Number.NEGATIVE_INFINITY

/** Throws `BadSimulation` and `BadPlan`. */
export function simulate(input: SimulationInput): SimulationReport {
  const course = simulation(input)
  for (;;) {
    const { done, value } = course.next()
    if (done === true) return value
  }
}

/** The same, tick by tick, for whoever has to stay responsive: says how far it is, and returns the report at its end. */
export function simulation(input: SimulationInput): Generator<ConvergencePoint, SimulationReport, void> {
  return new Run(makeWorld(parseSettings(input), START_MS)).toTheEnd()
}

class Run {
  readonly #world: World
  readonly #agenda = new Agenda<SimDevice>()
  readonly #centre: SimulatedCentre
  readonly #curve: ConvergencePoint[] = []
  #nowMs = START_MS
  #tickMs = START_MS + TICK_MS
  #clockOffMs = 0
  #committed = 0
  #mixed = 0
  #endedMs: number | null = null
  /** What the device that is looked after shall run, once it asked itself: only a tick changes that. */
  #wanted: Assignment | null = null
  /** What devices were last told to ask for. */
  #told = ''

  constructor(world: World) {
    this.#world = world
    this.#centre = new SimulatedCentre(simulatedPlan(world), START_MS)
  }

  *toTheEnd(): Generator<ConvergencePoint, SimulationReport, void> {
    const { devices, random, settings } = this.#world
    const late = Math.floor(devices.length * LATE_JOINERS)
    for (const device of devices) {
      if (device.at < devices.length - late) this.#join(device)
      else this.#plan(device, START_MS + random() * JOINED_BY_MS, JOIN)
    }
    this.#centre.approve(START_MS)
    do {
      this.#runToTick()
      this.#tick()
      yield this.#point()
    } while (!this.#isOver())
    return reportOf({
      world: this.#world,
      settings,
      state: this.#centre.state,
      startMs: START_MS,
      endMs: this.#nowMs,
      curve: [...this.#curve, this.#point()],
      mixedDevices: this.#mixed,
    })
  }

  #runToTick(): void {
    const untilMs = this.#tickMs
    for (let next = this.#agenda.take(untilMs); next !== undefined; next = this.#agenda.take(untilMs))
      if (next.atMs === next.item.calledMs) this.#run(next.item)
  }

  /**
   * All that happens to one device before the tick, as far as nobody else has part in it: what the centre is told in between
   * makes the same state in any order (R9). Only when it comes to the link that it shares it waits for its turn.
   */
  #run(device: SimDevice): void {
    device.calledMs = RUNNING
    this.#wanted = null
    for (let next = device.pending; next !== null; next = device.pending) {
      device.pending = next.next
      this.#nowMs = next.atMs
      this.#happen(device, next.what)
      const after = device.pending
      if (after === null || (after.atMs < this.#tickMs && !isOverLink(device, after.what))) continue
      this.#call(device, after.atMs)
      return
    }
    device.calledMs = Number.POSITIVE_INFINITY
  }

  /** Enters what will happen to the device, and calls it in time for it. */
  #plan(device: SimDevice, atMs: number, what: Happening): void {
    let before: Pending | null = null
    let next = device.pending
    for (; next !== null && next.atMs <= atMs; next = next.next) before = next
    const entry = { atMs, what, next }
    if (before === null) device.pending = entry
    else before.next = entry
    if (atMs < device.calledMs) this.#call(device, atMs)
  }

  #call(device: SimDevice, atMs: number): void {
    device.calledMs = atMs
    this.#agenda.add(atMs, device)
  }

  #happen(device: SimDevice, happening: Happening): void {
    switch (happening.kind) {
      case 'arrive':
        return this.#centre.take(happening.event)
      case 'join':
        this.#join(device)
        return this.#nudge(device)
      case 'ask':
        return this.#ask(device)
      case 'look':
        return this.#look(device)
      case 'step':
        return this.#step(device)
      case 'report':
        return this.#report(device)
      case 'crash':
      case 'intervention':
        if (happening.life === device.life) this.#fail(device, happening.kind)
        return
    }
  }

  #join(device: SimDevice): void {
    const { site } = device
    device.countedMs = this.#nowMs
    this.#centre.take({
      kind: 'joined',
      device: device.name,
      sequence: 1,
      site: site.name,
      hardware: 'tablet',
      utcOffsetMinutes: site.utcOffsetMinutes,
    })
  }

  #tick(): void {
    this.#nowMs = this.#tickMs
    const { random, settings } = this.#world
    if (random() < (settings.clockJumps * TICK_MS) / (24 * HOUR_MS))
      this.#clockOffMs = (random() * 2 - 1) * 365 * 24 * HOUR_MS
    this.#centre.tick(this.#nowMs + this.#clockOffMs)
    const { state } = this.#centre
    for (const name of servedBy(state)) {
      const device = this.#world.byName.get(name)
      if (device !== undefined) this.#lookWithin(device, NUDGED_MS)
    }
    const told = `${state.phase} ${state.rings.length} ${state.direction.generation}`
    if (told !== this.#told) this.#tellAll()
    this.#told = told
    if ((this.#nowMs - START_MS) % CURVE_MS === 0) this.#curve.push(this.#point())
    this.#tickMs += TICK_MS
  }

  /** A new ring, a new direction: whoever it concerns asks soon. */
  #tellAll(): void {
    const { state } = this.#centre
    const goesBack = state.direction.runs === 'last_good'
    for (const standing of state.devices.values()) {
      const hasToLook = goesBack && standing.grant !== null
      if (!hasToLook && wantsOf(state, standing) === null) continue
      const device = this.#world.byName.get(standing.device)
      if (device === undefined) continue
      device.isAsking = standing.asking
      if (hasToLook) this.#lookWithin(device, NUDGED_MS)
      else this.#nudge(device)
    }
  }

  #nudge(device: SimDevice): void {
    const standing = this.#centre.state.devices.get(device.name)
    if (standing === undefined || device.isAsking || wantsOf(this.#centre.state, standing) === null) return
    device.isAsking = true
    this.#plan(device, this.#nowMs + device.random() * POLL_MS, ASK)
  }

  #lookWithin(device: SimDevice, withinMs: number): void {
    this.#plan(device, this.#nowMs + device.random() * withinMs, LOOK)
  }

  /** True when the device is online; otherwise it does the same when it is again. */
  #isOnline(device: SimDevice, what: Happening): boolean {
    const onlineMs = onlineFrom(device, this.#world.settings, this.#nowMs)
    if (onlineMs > this.#nowMs) this.#plan(device, onlineMs + device.random() * MINUTE_MS, what)
    return onlineMs <= this.#nowMs
  }

  /** A device that asks says how it is, and is observed from then on if the ring wants that. */
  #ask(device: SimDevice): void {
    if (!this.#isOnline(device, ASK)) return
    const { state } = this.#centre
    const standing = state.devices.get(device.name)
    const want = standing === undefined ? null : wantsOf(state, standing)
    this.#report(device)
    this.#centre.take({ kind: 'asked', device: device.name })
    if (want === 'watch') this.#watched(device)
  }

  /** From now on failures are drawn, and a report is made when the observation is over. */
  #watched(device: SimDevice): void {
    const { probationMs } = this.#centre.state.plan
    const untilMs = this.#nowMs + probationMs + 2 * TICK_MS
    const drawnMs = Math.max(this.#nowMs, device.drawnMs)
    const { crashMs, interventionMs } = nextFailures(device, this.#world.settings, drawnMs)
    const { life } = device
    if (interventionMs < untilMs) this.#plan(device, interventionMs, { kind: 'intervention', life })
    if (crashMs < untilMs) this.#plan(device, crashMs, { kind: 'crash', life })
    device.drawnMs = untilMs
    this.#plan(device, untilMs + device.random() * POLL_MS, REPORT)
  }

  #wantedOf(device: SimDevice): Assignment {
    this.#wanted ??= assignmentFor(this.#centre.state, device.name)
    return this.#wanted
  }

  #look(device: SimDevice): void {
    if (!this.#isOnline(device, LOOK)) return
    const wanted = this.#wantedOf(device)
    if (wanted.kind !== 'run' || wanted.generation < device.generation) return
    if (wanted.generation > device.generation) {
      device.generation = wanted.generation
      device.attempt = 0
      device.shadow = null
      if (wanted.runs === 'candidate' && device.runs === 'last_good') device.candidate = null
    }
    if (isSettled(device, { wanted })) return this.#report(device)
    if (!isBusy(device.install)) this.#step(device)
  }

  #step(device: SimDevice): void {
    const wanted = this.#wantedOf(device)
    // What a device was told last holds until it hears otherwise; offline it goes on with that.
    if (wanted.kind !== 'run' || (wanted.generation !== device.generation && !isBusy(device.install)))
      return this.#look(device)
    const before = device.runs
    const { transferBytes, shadow } = this.#centre.state.plan
    const moved = move(device, {
      world: this.#world,
      wanted,
      transferBytes,
      windowInputs: shadow.windowInputs,
      nowMs: this.#nowMs,
    })
    if (device.runs !== before) this.#switched(device)
    if (moved.isNews) this.#report(device)
    if (moved.againMs !== null) this.#plan(device, moved.againMs, STEP)
    else if (!isSettled(device, { wanted }) || device.generation !== wanted.generation)
      this.#afterRest(device)
  }

  /** A device at rest that does not run what is wanted asks again, unless it has given that up. */
  #afterRest(device: SimDevice): void {
    if (device.install.kind !== 'PARKED') this.#plan(device, this.#nowMs + HOUR_MS, LOOK)
  }

  #switched(device: SimDevice): void {
    device.life += 1
    device.drawnMs = this.#nowMs
    if (device.runs === 'candidate') {
      this.#committed += 1
      if (device.pieces < PIECES) this.#mixed += 1
      this.#watched(device)
    } else this.#committed -= 1
  }

  #fail(device: SimDevice, kind: 'crash' | 'intervention'): void {
    fail(device, this.#world.settings, { kind, nowMs: this.#nowMs })
    if (kind === 'crash') this.#report(device)
  }

  #report(device: SimDevice): void {
    if (!this.#isOnline(device, REPORT)) return
    const event = this.#reportOf(device)
    if (device.random() < TWICE) this.#plan(device, this.#nowMs + MINUTE_MS, { kind: 'arrive', event })
    if (device.random() < LATE)
      this.#plan(device, this.#nowMs + exponential(device.random, LATE_MS), { kind: 'arrive', event })
    else this.#centre.take(event)
  }

  #reportOf(device: SimDevice): DeviceReport {
    countUp(device, this.#world.settings, this.#nowMs)
    device.sequence += 1
    return {
      kind: 'reported',
      device: device.name,
      sequence: device.sequence,
      generation: device.generation,
      stands: standsOf(device),
      code: device.install.kind === 'PARKED' ? device.install.failure.code : null,
      usual: device.usual,
      candidate: device.candidate,
      shadow: device.shadow,
    }
  }

  #point(): ConvergencePoint {
    const { counts } = this.#centre.state
    const share = (count: number): number => Number((count / Math.max(1, counts.fleet)).toFixed(4))
    return {
      hours: Number(((this.#nowMs - START_MS) / HOUR_MS).toFixed(2)),
      exposed: share(counts.exposed),
      running: share(this.#committed),
    }
  }

  #isOver(): boolean {
    const { phase, counts, rings } = this.#centre.state
    if (phase === 'halted' || phase === 'complete') {
      this.#endedMs ??= this.#nowMs
      const open =
        phase === 'halted'
          ? this.#committed + counts.atRisk
          : counts.fleet - counts.proven - counts.failed - counts.returned
      return open === 0 || this.#nowMs - this.#endedMs > AFTERWARDS_MS
    }
    return this.#nowMs - (rings.at(-1)?.openedMs ?? START_MS) > PATIENCE_MS
  }
}

/** What a device does with its site's link depends on what others of the site did before. */
function isOverLink({ install }: SimDevice, { kind }: Happening): boolean {
  return kind === 'step' && install.kind === 'FETCH'
}

function standsOf({ install, runs, attempt }: SimDevice): DeviceReport['stands'] {
  if (runs === 'candidate') {
    if (install.kind !== 'IDLE' && install.install.slot === 'a' && isBusy(install)) return 'installing'
    return install.kind === 'COMMITTED' ? 'committed' : 'active'
  }
  if (install.kind === 'PARKED') return 'parked'
  if (install.kind === 'DEFERRED') return 'deferred'
  if (isBusy(install)) return 'installing'
  return install.kind === 'IDLE' && attempt > 0 ? 'refused' : 'last_good'
}
