/**
 * Places in a shape's log. `0_n` is chunk n of the snapshot, `0_inf` its end; `tx_position` is an operation: the global number of its
 * transaction, and its place in there.
 */
export interface LogOffset {
  readonly tx: number
  /** `Infinity` only with `tx` 0. */
  readonly position: number
}

export type RequestedOffset = 'start' | 'now' | LogOffset

export const SNAPSHOT_END: LogOffset = { tx: 0, position: Infinity }

/** Reads `-1`, `now`, `n_m` or `0_inf`; null where it is none of these. */
export function parseOffset(text: string): RequestedOffset | null {
  if (text === '-1') return 'start'
  if (text === 'now') return 'now'
  if (text === '0_inf') return SNAPSHOT_END
  const found = /^(\d{1,19})_(\d{1,19})$/.exec(text)
  if (found === null) return null
  const offset = { tx: Number(found[1]), position: Number(found[2]) }
  return Number.isSafeInteger(offset.tx) && Number.isSafeInteger(offset.position) ? offset : null
}

export function formatOffset({ tx, position }: LogOffset): string {
  return `${tx}_${position === Infinity ? 'inf' : position}`
}

export function isBefore(one: LogOffset, other: LogOffset): boolean {
  return one.tx < other.tx || (one.tx === other.tx && one.position < other.position)
}
