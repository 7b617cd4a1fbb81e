/** What the calling thread has used of a processor, so that a busy machine does not make the figure larger. */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

export function threadTimeMs(): number {
  try {
    // Linux: nanoseconds on a processor, nanoseconds waiting for one, turns.
    const [onProcessor = ''] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')
    const value = Number(onProcessor) / 1e6
    if (value > 0) return value
  } catch {
    // No such file: another system. The time in which its loop was not idle is the next best.
  }
  return performance.eventLoopUtilization().active
}
