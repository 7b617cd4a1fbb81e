/** What machines ask of the centre: whether it lives, whether it can work, its figures. */
import * as v from 'valibot'
import type { Metrics } from '../../shared/metrics/metrics.ts'
import type { Database } from '../../shared/sql/port.ts'
import { openEndpoint, type Endpoint } from './endpoint.ts'

const common = { method: 'get', tag: 'health', refusals: [] } as const

export function healthEndpoints(parts: {
  readonly db: Database
  readonly metrics: Metrics
}): readonly Endpoint[] {
  return [
    openEndpoint(
      {
        ...common,
        path: '/api/health',
        summary: 'Whether the centre lives.',
        answer: v.object({ status: v.literal('ok') }),
      },
      async () => await Promise.resolve({ status: 'ok' as const }),
    ),
    openEndpoint(
      {
        ...common,
        path: '/api/ready',
        summary: 'Whether its database answers.',
        answer: v.object({ status: v.literal('ready') }),
      },
      async () => {
        await parts.db.query('select 1')
        return { status: 'ready' as const }
      },
    ),
    openEndpoint(
      {
        ...common,
        path: '/metrics',
        summary: 'Its figures, as Prometheus reads them.',
        answer: v.string(),
        answerType: 'text/plain',
      },
      async ({ context }) => await Promise.resolve(context.text(parts.metrics.render(), 200)),
    ),
  ]
}
