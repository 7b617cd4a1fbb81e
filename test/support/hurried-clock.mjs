/**
 * Loaded before a process of Starling: from SIGUSR2 on its clocks run HURRY times as fast, and what it waits for comes as much
 * sooner, so that an hour of rounds, heartbeats and upkeep passes in minutes, on the real parts. With HURRY_ONLY_MS, of what it waits
 * for only waits of that very length: limits, for what a busy machine has to do in time, stay what they are.
 */
import { performance } from 'node:perf_hooks'

const hurry = Number(process.env.HURRY)
const only = process.env.HURRY_ONLY_MS === undefined ? null : Number(process.env.HURRY_ONLY_MS)
const RealDate = Date
const realNow = performance.now.bind(performance)
const realTimeout = globalThis.setTimeout
const realInterval = globalThis.setInterval
let sinceMs = null

const gainedMs = () => (sinceMs === null ? 0 : (realNow() - sinceMs) * (hurry - 1))
const now = () => Math.round(RealDate.now() + gainedMs())
const isHurried = (ms) => ms !== undefined && (only === null || ms === only)
const sooner = (ms) => (sinceMs === null || !isHurried(ms) ? ms : ms / hurry)
const begun = new Set()

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}
performance.now = () => realNow() + gainedMs()
// With its own properties: util.promisify finds the form that returns a promise there.
globalThis.setTimeout = Object.assign(
  (callback, ms, ...args) => realTimeout(callback, sooner(ms), ...args),
  realTimeout,
)
globalThis.setInterval = (callback, ms, ...args) => {
  const timer = realInterval(callback, sooner(ms), ...args)
  if (sinceMs === null && isHurried(ms)) begun.add(new WeakRef(timer))
  return timer
}

process.once('SIGUSR2', () => {
  sinceMs = realNow()
  for (const reference of begun) {
    const timer = reference.deref()
    // Node's own field for the pause between two calls.
    if (timer !== undefined && timer._repeat !== null) {
      timer._repeat /= hurry
      timer._idleTimeout /= hurry
      timer.refresh()
    }
  }
})
