/** Counters, gauges and histograms of one process, in Prometheus' text form (version 0.0.4). */
export type Labels = Readonly<Record<string, string>>

/** More label values than this come from input by mistake: what is over it is counted together, and never breaks what is measured. */
const MAX_SERIES = 200
const OVERFLOW = 'overflow="true"'
/** Microseconds: from one statement to a long utterance. */
const BUCKETS_US = [
  100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000,
]

export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void
  gauge(name: string, value: number, labels?: Labels): void
  /** Microseconds. */
  observe(name: string, us: number, labels?: Labels): void
  render(): string
}

interface Histogram {
  readonly counts: number[]
  sum: number
  total: number
}

type Family =
  | { readonly kind: 'counter' | 'gauge'; readonly series: Map<string, number> }
  | { readonly kind: 'histogram'; readonly series: Map<string, Histogram> }

export function openMetrics(): Metrics {
  const families = new Map<string, Family>()
  const plain = (name: string, kind: 'counter' | 'gauge'): Map<string, number> => {
    const family = families.get(name) ?? { kind, series: new Map<string, number>() }
    families.set(name, family)
    if (family.kind !== kind) throw new TypeError(`${name} is a ${family.kind}`)
    return family.series
  }
  return {
    count: (name, labels = {}, by = 1) => {
      const series = plain(name, 'counter')
      const key = room(series, labels)
      series.set(key, (series.get(key) ?? 0) + by)
    },
    gauge: (name, value, labels = {}) => {
      const series = plain(name, 'gauge')
      series.set(room(series, labels), value)
    },
    observe: (name, us, labels = {}) => {
      const family = families.get(name) ?? {
        kind: 'histogram' as const,
        series: new Map<string, Histogram>(),
      }
      families.set(name, family)
      if (family.kind !== 'histogram') throw new TypeError(`${name} is a ${family.kind}`)
      const key = room(family.series, labels)
      const found = family.series.get(key) ?? { counts: BUCKETS_US.map(() => 0), sum: 0, total: 0 }
      family.series.set(key, found)
      found.sum += us
      found.total += 1
      for (const [at, limit] of BUCKETS_US.entries())
        if (us <= limit) found.counts[at] = (found.counts[at] ?? 0) + 1
    },
    render: () => [...families].map(([name, family]) => renderFamily(name, family)).join(''),
  }
}

function renderFamily(name: string, family: Family): string {
  const head = `# TYPE ${name} ${family.kind}\n`
  if (family.kind !== 'histogram')
    return head + [...family.series].map(([key, value]) => `${name}${braced(key)} ${value}\n`).join('')
  const lines = [...family.series].flatMap(([key, { counts, sum, total }]) => [
    ...BUCKETS_US.map(
      (limit, at) => `${name}_bucket${braced(joined(key, `le="${limit}"`))} ${counts[at] ?? 0}\n`,
    ),
    `${name}_bucket${braced(joined(key, 'le="+Inf"'))} ${total}\n`,
    `${name}_sum${braced(key)} ${sum}\n`,
    `${name}_count${braced(key)} ${total}\n`,
  ])
  return head + lines.join('')
}

function room(series: ReadonlyMap<string, unknown>, labels: Labels): string {
  const key = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',')
  return series.has(key) || series.size < MAX_SERIES ? key : OVERFLOW
}

/** As the exposition format asks: backslash, quote and line feed. */
function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`))
}

function joined(key: string, label: string): string {
  return key === '' ? label : `${key},${label}`
}

function braced(key: string): string {
  return key === '' ? '' : `{${key}}`
}
