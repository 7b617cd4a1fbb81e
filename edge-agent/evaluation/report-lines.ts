/** The figures for people. */
import type { EvaluationReport } from './evaluate.ts'
import type { Gated } from './gate.ts'
import type { Calibration, Rate } from './statistics.ts'
import type { Summary } from './summary.ts'

export function reportLines(report: EvaluationReport, gated: readonly Gated[]): readonly string[] {
  const { cost, overall, sets } = report
  const parts = Object.keys(sets).length === 0 ? [] : Object.entries(sets)
  return [
    `${report.model.name} on ${report.domain ?? 'open dictation'}, ${report.streams} ${report.streams === 1 ? 'stream' : 'streams'} at once`,
    ...parts.flatMap(([name, summary]) => [`${name}:`, ...summaryLines(summary)]),
    ...(parts.length === 0 ? [] : ['all together:']),
    ...summaryLines(overall),
    ...reliabilityLines(overall.calibration.utterances),
    `  real-time factor       ${cost.realTimeFactor?.toFixed(4) ?? '-'} of a processor`,
    `  peak memory            ${cost.peakMemoryMb} MB`,
    ...gated.map(
      ({ figure, op, value, found, holds }) =>
        `gate: ${figure} ${op} ${value}: ${found === null ? 'nothing to compute it from' : found.toPrecision(4)}: ${holds ? 'holds' : 'DOES NOT HOLD'}`,
    ),
  ]
}

function summaryLines(summary: Summary): string[] {
  const { words, sentences, commands, rejected, calibration, latencyMs } = summary
  const rows: (readonly [string, Rate])[] = [
    ['commands accepted right', commands.accepted],
    ['commands taken wrongly', commands.wrong],
    ['commands not taken', commands.missed],
    ['others rejected', rejected],
    ['word error rate', words.rate],
    ['sentences right', sentences],
  ]
  return [
    `  recordings             ${summary.recordings} (${Math.round(summary.audioS)} s)`,
    ...rows.filter(([, { of }]) => of > 0).map(([name, found]) => `  ${name.padEnd(22)} ${rateText(found)}`),
    ...(words.rate.of === 0
      ? []
      : [
          `  word errors            ${words.insertions} inserted, ${words.deletions} deleted, ${words.substitutions} substituted`,
        ]),
    `  calibration error      ${calibration.utterances.error?.toFixed(3) ?? '-'} (words ${calibration.words.error?.toFixed(3) ?? '-'})`,
    `  first partial, ms      p50 ${ms(latencyMs.firstPartial.p50)}  p95 ${ms(latencyMs.firstPartial.p95)}  after the first word, of ${latencyMs.firstPartial.count}`,
    `  final, ms              p50 ${ms(latencyMs.final.p50)}  p95 ${ms(latencyMs.final.p95)}  after the end of the audio`,
  ]
}

function reliabilityLines({ bins }: Calibration): string[] {
  if (bins.length === 0) return []
  return [
    '  confidence             said   right   of',
    ...bins.map(
      ({ from, to, confidence, right, count }) =>
        `    ${from.toFixed(1)} to ${to.toFixed(1)}           ${confidence.toFixed(2)}   ${right.toFixed(2)}    ${count}`,
    ),
  ]
}

function rateText({ value, count, of, low, high }: Rate): string {
  if (value === null) return '-'
  const interval = low === null || high === null ? '' : `, 95 %: ${percent(low)} to ${percent(high)}`
  return `${percent(value)} % (${count} of ${of}${interval})`
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}

function ms(value: number | null): string {
  return value === null ? '-' : value.toFixed(0)
}
