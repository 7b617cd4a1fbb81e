import { describe, expect, it } from 'vitest'
import { openMetrics } from '../../../shared/metrics/metrics.ts'

describe('metrics', () => {
  it('render counters, gauges and histograms in Prometheus’ text form', () => {
    const metrics = openMetrics()
    metrics.count('turns_total', { verdict: 'performed' })
    metrics.count('turns_total', { verdict: 'performed' }, 2)
    metrics.gauge('outbox_records', 7)
    metrics.gauge('outbox_records', 5)
    metrics.observe('effect_us', 250, { action: 'note.record' })
    metrics.observe('effect_us', 99_000_000, { action: 'note.record' })
    const lines = metrics.render().split('\n')
    expect(lines).toContain('# TYPE turns_total counter')
    expect(lines).toContain('turns_total{verdict="performed"} 3')
    expect(lines).toContain('outbox_records 5')
    expect(lines).toContain('# TYPE effect_us histogram')
    expect(lines).toContain('effect_us_bucket{action="note.record",le="100"} 0')
    expect(lines).toContain('effect_us_bucket{action="note.record",le="300"} 1')
    expect(lines).toContain('effect_us_bucket{action="note.record",le="10000000"} 1')
    expect(lines).toContain('effect_us_bucket{action="note.record",le="+Inf"} 2')
    expect(lines).toContain('effect_us_sum{action="note.record"} 99000250')
    expect(lines).toContain('effect_us_count{action="note.record"} 2')
  })

  it('take labels in any order for one series, and escape their values', () => {
    const metrics = openMetrics()
    metrics.count('a_total', { x: '1', y: '2' })
    metrics.count('a_total', { y: '2', x: '1' })
    metrics.count('b_total', { x: 'quote " slash \\ line\nend' })
    expect(metrics.render()).toContain('a_total{x="1",y="2"} 2\n')
    expect(metrics.render()).toContain('b_total{x="quote \\" slash \\\\ line\\nend"} 1\n')
  })

  it('count what has too many labels together, and throw at nobody', () => {
    const metrics = openMetrics()
    for (let index = 0; index < 5_000; index += 1) {
      metrics.count('c_total', { id: String(index) })
      metrics.observe('d_us', index, { id: String(index) })
    }
    const lines = metrics.render().split('\n')
    expect(lines.filter((line) => line.startsWith('c_total'))).toHaveLength(201)
    expect(lines).toContain('c_total{overflow="true"} 4800')
    expect(lines).toContain('d_us_count{overflow="true"} 4800')
  })

  it('refuse one name for two kinds', () => {
    const metrics = openMetrics()
    metrics.count('e')
    expect(() => metrics.gauge('e', 1)).toThrow(TypeError)
    expect(() => metrics.observe('e', 1)).toThrow(TypeError)
  })
})
