/** Thresholds that an evaluation must reach, so that the same command gates a bundle. What cannot be computed is not reached. */
import { StarlingError } from '../../shared/errors.ts'
import type { EvaluationReport } from './evaluate.ts'

/** A threshold that cannot be read, or names no figure. */
export class ThresholdRefused extends StarlingError {
  override readonly code = 'threshold_refused'
}

type Figure = (report: EvaluationReport) => number | null

const FIGURES: Readonly<Record<string, Figure>> = {
  accepted: ({ overall }) => overall.commands.accepted.value,
  wrong: ({ overall }) => overall.commands.wrong.value,
  missed: ({ overall }) => overall.commands.missed.value,
  rejected: ({ overall }) => overall.rejected.value,
  wer: ({ overall }) => overall.words.rate.value,
  sentences: ({ overall }) => overall.sentences.value,
  ece: ({ overall }) => overall.calibration.utterances.error,
  'word-ece': ({ overall }) => overall.calibration.words.error,
  'real-time-factor': ({ cost }) => cost.realTimeFactor,
  'first-partial-p50-ms': ({ overall }) => overall.latencyMs.firstPartial.p50,
  'first-partial-p95-ms': ({ overall }) => overall.latencyMs.firstPartial.p95,
  'final-p50-ms': ({ overall }) => overall.latencyMs.final.p50,
  'final-p95-ms': ({ overall }) => overall.latencyMs.final.p95,
  'memory-mb': ({ cost }) => cost.peakMemoryMb,
}

export const FIGURE_NAMES: readonly string[] = Object.keys(FIGURES)

export interface Threshold {
  readonly figure: string
  readonly op: '>=' | '<='
  readonly value: number
}

export interface Gated extends Threshold {
  /** Null when the manifest holds nothing from which it could be computed. */
  readonly found: number | null
  readonly holds: boolean
}

/** Reads `accepted=0.9`. Throws {@link ThresholdRefused}. */
export function parseThreshold(text: string, op: Threshold['op']): Threshold {
  const match = /^([a-z0-9-]+)=(\d+(?:\.\d+)?)$/.exec(text.trim())
  const [, figure = '', value = ''] = match ?? []
  if (match === null || !Object.hasOwn(FIGURES, figure))
    throw new ThresholdRefused(`the threshold "${text}" is not FIGURE=NUMBER with a figure that is known`, {
      remedy: `Figures: ${FIGURE_NAMES.join(', ')}.`,
    })
  return { figure, op, value: Number(value) }
}

export function gate(report: EvaluationReport, thresholds: readonly Threshold[]): Gated[] {
  return thresholds.map((threshold) => {
    const found = FIGURES[threshold.figure]?.(report) ?? null
    const holds =
      found !== null && (threshold.op === '>=' ? found >= threshold.value : found <= threshold.value)
    return { ...threshold, found, holds }
  })
}
