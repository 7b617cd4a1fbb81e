/** Loaded before a process of Starling: with each SIGUSR2 its clocks jump JUMP_HOURS ahead. What it waits for comes as it would have. */
import { performance } from 'node:perf_hooks'

const jumpMs = Number(process.env.JUMP_HOURS) * 3_600_000
const RealDate = Date
const realNow = performance.now.bind(performance)
let aheadMs = 0
const now = () => RealDate.now() + aheadMs

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}
performance.now = () => realNow() + aheadMs

process.on('SIGUSR2', () => {
  aheadMs += jumpMs
})
