/** The one form of every benchmark's result. */
export interface BenchRow {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the value is a ratio of, or is compared with. */
  readonly baseline?: number
  readonly goal?: { readonly op: '<=' | '>='; readonly value: number }
}

/** What the command line says, for the benchmarks that ask for it. */
export interface BenchOptions {
  readonly manifest?: string | undefined
  readonly domain?: string | undefined
  readonly noise?: string | undefined
  readonly limit?: string | undefined
  readonly minutes?: string | undefined
}

export interface BenchReport {
  readonly bench: string
  readonly rows: readonly BenchRow[]
}

/** True where there is no goal; a missed goal is shown as missed, and stays. */
export function reached({ value, goal }: BenchRow): boolean {
  if (goal === undefined) return true
  return goal.op === '<=' ? value <= goal.value : value >= goal.value
}

/** The table for people. */
export function renderReport(report: BenchReport): string {
  const lines = report.rows.map((row) => {
    const goal =
      row.goal === undefined
        ? ''
        : `  goal ${row.goal.op} ${row.goal.value}: ${reached(row) ? 'met' : 'MISSED'}`
    const baseline = row.baseline === undefined ? '' : `  (baseline ${short(row.baseline)})`
    return `  ${row.name.padEnd(44)} ${short(row.value).padStart(12)} ${row.unit}${baseline}${goal}`
  })
  return [report.bench, ...lines].join('\n')
}

/** The `q` quantile by nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}
