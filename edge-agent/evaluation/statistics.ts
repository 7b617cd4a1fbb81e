/** The few statistics that an evaluation states. */

export interface Rate {
  /** Null when nothing was counted. */
  readonly value: number | null
  readonly count: number
  readonly of: number
  /** The 95 % interval (Wilson), null when nothing was counted. */
  readonly low: number | null
  readonly high: number | null
}

const Z_95 = 1.959_963_984_540_054

/** Wilson's score interval: right for few trials and for shares near 0 and 1, where the normal one is not. */
export function rate(count: number, of: number): Rate {
  if (of === 0) return { value: null, count, of, low: null, high: null }
  const share = count / of
  const square = Z_95 ** 2
  const middle = share + square / (2 * of)
  const reach = Z_95 * Math.sqrt((share * (1 - share)) / of + square / (4 * of * of))
  const scale = 1 + square / of
  return {
    value: share,
    count,
    of,
    low: Math.max(0, (middle - reach) / scale),
    high: Math.min(1, (middle + reach) / scale),
  }
}

export interface Quantiles {
  readonly count: number
  readonly p50: number | null
  readonly p95: number | null
}

/** By nearest rank. */
export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number): number | null => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null
  return { count: sorted.length, p50: at(0.5), p95: at(0.95) }
}

export interface Judgement {
  /** 0 to 1. */
  readonly confidence: number
  /** Or, of what has parts, the share of them that is right. */
  readonly right: boolean | number
}

export interface Calibration {
  readonly count: number
  /** Expected calibration error: the mean distance of confidence from truth, over bins; null when nothing was judged. */
  readonly error: number | null
  readonly bins: readonly {
    readonly from: number
    readonly to: number
    readonly count: number
    readonly confidence: number
    readonly right: number
  }[]
}

const BINS = 10

/** The reliability table: of what was said with some confidence, how much was right. Empty bins are left out. */
export function calibration(judgements: readonly Judgement[]): Calibration {
  const bins = Array.from({ length: BINS }, (_, i) => {
    const inside = judgements.filter(
      ({ confidence }) => Math.min(BINS - 1, Math.floor(confidence * BINS)) === i,
    )
    const count = inside.length
    const mean = (pick: (judgement: Judgement) => number): number =>
      inside.reduce((sum, judgement) => sum + pick(judgement), 0) / count
    return {
      from: i / BINS,
      to: (i + 1) / BINS,
      count,
      confidence: mean(({ confidence }) => confidence),
      right: mean(({ right }) => Number(right)),
    }
  }).filter(({ count }) => count > 0)
  const error = bins.reduce(
    (sum, bin) => sum + (bin.count / judgements.length) * Math.abs(bin.confidence - bin.right),
    0,
  )
  return { count: judgements.length, error: bins.length === 0 ? null : error, bins }
}
