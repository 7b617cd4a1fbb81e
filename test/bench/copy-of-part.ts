/** A device's copy of one table, over recorded answers. */
import { ContextSync } from '../../edge-agent/context/sync.ts'
import { migrate } from '../../edge-agent/agent/migrations.ts'
import { systemClock } from '../../shared/clock.ts'
import { openLog } from '../../shared/log.ts'
import { governed, type Governed } from '../support/governed.ts'
import type { RecordedShape } from './recorded-shape.ts'

export async function openDevice(): Promise<Governed> {
  const device = await governed({ maxOutboxRecords: 1_000_000 })
  await migrate(device.db)
  return device
}

/** As a device that holds nothing. */
export async function forgetCopy({ db }: Governed): Promise<void> {
  await db.script(
    'drop table if exists context.row_part; truncate context.row, context.shape, context.position',
  )
  await db.checkpoint()
}

export async function followPart(device: Governed, shape: RecordedShape): Promise<ContextSync> {
  const sync = await ContextSync.open({
    db: device.db,
    kernel: device.kernel,
    principal: { kind: 'device', id: 'device-1', roles: ['device'] },
    source: { baseUrl: 'http://centre.invalid', fetch: shape.fetch, token: () => 'recorded' },
    clock: systemClock,
    log: openLog({ part: 'bench', clock: systemClock, json: false, write: () => undefined }),
    metrics: device.metrics,
    tables: ['part'],
    random: () => 0.5,
    onApplied: () => undefined,
  })
  sync.start()
  return sync
}
