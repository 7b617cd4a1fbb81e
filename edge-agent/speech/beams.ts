/** How far behind the best a path may fall. */
export interface Beams {
  /** A unit this far (nats) below the best is dropped. */
  readonly unit: number
  /** A word may only end within this of the best, and so may the last unit of a grammar's own word. */
  readonly word: number
  /** When more units than this are alive the beam is narrowed. */
  readonly maxUnits: number
}

const BINS = 64

/** The beam that leaves about `maxUnits` of the units, whose scores are `tops`; a histogram, not a sort. */
export function widthFor(tops: Float64Array, best: number, beams: Beams): number {
  const bins = new Int32Array(BINS)
  const width = beams.unit / BINS
  for (let i = 0; i < tops.length; i++) {
    const below = best - (tops[i] as number)
    if (below >= beams.unit) continue
    const bin = (below / width) | 0
    bins[bin] = (bins[bin] as number) + 1
  }
  let kept = 0
  for (let bin = 0; bin < BINS; bin++) {
    kept += bins[bin] as number
    if (kept > beams.maxUnits) return Math.max(bin, 1) * width
  }
  return beams.unit
}
