/** How the log lines of a part reach the person who started it. */
import type { Output } from './output.ts'

/** Keeps the last lines too, for the moment when a part does not start. */
const KEPT_LINES = 40

export interface PartLogs {
  take(line: string): void
  last(): readonly string[]
}

export function openPartLogs(output: Output, options: { readonly quiet: boolean }): PartLogs {
  const kept: string[] = []
  return {
    take(line) {
      kept.push(line)
      if (kept.length > KEPT_LINES) kept.shift()
      if (!options.quiet) output.progress(`  ${line}`)
    },
    last: () => kept,
  }
}
