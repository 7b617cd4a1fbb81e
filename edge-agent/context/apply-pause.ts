/** How long the copy rests after a batch that could not be applied. */

/** The first pause; each further one doubles it. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 300_000

export function applyPauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 16), LONGEST_PAUSE_MS)
}
