/**
 * How long after the link's return a device shows what changed at the centre meanwhile: through a real leaf, hub and tunnel, with the
 * link reset, and swallowed without a word while requests are held.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openTunnelService } from '../../control-plane/tunnel/tunnel-service.ts'
import { migrate } from '../../edge-agent/agent/migrations.ts'
import { ContextSync } from '../../edge-agent/context/sync.ts'
import { openTunnel, TUNNEL_URL } from '../../edge-agent/tunnel/tunnel.ts'
import { Closers } from '../../shared/closers.ts'
import { systemClock } from '../../shared/clock.ts'
import { openLog } from '../../shared/log.ts'
import { openCentreStage, TABLES, type CentreStage } from '../edge-agent/context/stage.ts'
import { openProxy, type Proxy } from '../fabric/proxy.ts'
import { device, openStage, tenant } from '../fabric/stage.ts'
import { governed } from '../support/governed.ts'
import { quantile, type BenchOptions, type BenchReport } from './report.ts'

const CUTS = 20
const CHANGES = 100
const CUT_MS = 3_000
const GOAL_MS = 2_000
const LOOK_EVERY_MS = 5

export async function run(progress: (line: string) => void, { limit }: BenchOptions): Promise<BenchReport> {
  const cuts = limit === undefined ? CUTS : Number(limit)
  const closers = new Closers()
  try {
    const world = await open(closers)
    const readable = await changes(world)
    const times: Record<'reset' | 'black_hole', number[]> = { reset: [], black_hole: [] }
    for (let cut = 0; cut < cuts; cut++)
      for (const how of ['reset', 'black_hole'] as const) {
        const ms = await cutOnce(world, how, `${how} ${cut}`)
        times[how].push(ms)
        progress(`${how}: ${ms.toFixed(0)} ms`)
      }
    const row = (name: string, ms: readonly number[]) => ({
      name,
      value: quantile(ms, 0.95),
      unit: 'ms',
      baseline: quantile(ms, 0.5),
      goal: { op: '<=' as const, value: GOAL_MS },
    })
    return {
      bench: 'recovery',
      rows: [
        row('after a reset, p95 (baseline: median)', times.reset),
        row('after a black hole, p95 (baseline: median)', times.black_hole),
        row('a change at the centre until it is read on the device, p95 (baseline: median)', readable),
      ],
    }
  } finally {
    await closers.close()
  }
}

interface World {
  readonly proxy: Proxy
  readonly centre: CentreStage
  readonly words: () => Promise<string | undefined>
}

async function open(closers: Closers): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'starling-bench-recovery-'))
  closers.add(async () => await rm(dir, { recursive: true, force: true }))
  const proxy = await openProxy()
  closers.add(async () => await proxy.close())
  let onLink: (kind: 'up' | 'down') => void = () => undefined
  const stage = await openStage({ dir, proxy, onLink: (kind) => onLink(kind) })
  closers.add(async () => await stage.close())
  const centre = await openCentreStage({ pollMs: 20_000, device })
  closers.add(async () => await centre.close())
  const hubSide = await stage.hub.connect('tunnel')
  closers.add(async () => await hubSide.close())
  const log = openLog({ part: 'bench', clock: systemClock, json: false, write: () => undefined })
  const service = openTunnelService({
    tenant,
    connection: hubSide,
    log,
    fetch: async (request) => await centre.fetch(request),
  })
  closers.add(async () => await service.close())
  const connection = await stage.leaf.connect({ device, creds: stage.creds, name: 'copy' })
  closers.add(async () => await connection.close())
  const held = await governed({ maxOutboxRecords: 1_000_000 })
  closers.add(async () => await held.close())
  await migrate(held.db)
  let sync: ContextSync | null = null
  const tunnel = openTunnel({ connection, tenant, device, clock: systemClock, onBeat: () => sync?.heard() })
  closers.add(() => tunnel.close())
  const opened = await ContextSync.open({
    db: held.db,
    kernel: held.kernel,
    principal: { kind: 'device', id: device, roles: ['device'] },
    source: { baseUrl: TUNNEL_URL, fetch: tunnel.fetch, token: () => centre.token() },
    clock: systemClock,
    log,
    metrics: held.metrics,
    tables: TABLES,
    random: Math.random,
    onApplied: () => undefined,
  })
  sync = opened
  closers.add(async () => await opened.stop())
  onLink = (kind) => {
    if (kind === 'down') tunnel.drop('the link is down')
    opened.link(kind)
  }
  await centre.put('note', 'n1', 'at first')
  opened.start()
  await opened.untilFirst(AbortSignal.timeout(60_000))
  return {
    proxy,
    centre,
    words: async () => {
      const [row] = await held.db.query<{ text: string }>(
        `select body->>'text' as text from context.row where tbl = 'note' and key = 'n1'`,
      )
      return row?.text
    },
  }
}

/** With the link up, from a change's commit at the centre. */
async function changes({ centre, words }: World): Promise<readonly number[]> {
  const ms: number[] = []
  for (let change = 0; change < CHANGES; change++) {
    const text = `change ${change}`
    await centre.put('note', 'n1', text)
    const from = performance.now()
    while ((await words()) !== text) await delay(LOOK_EVERY_MS)
    ms.push(performance.now() - from)
  }
  return ms
}

async function cutOnce(
  { proxy, centre, words }: World,
  how: 'reset' | 'black_hole',
  text: string,
): Promise<number> {
  proxy.cut(how)
  await delay(CUT_MS / 2)
  await centre.put('note', 'n1', text)
  await delay(CUT_MS / 2)
  proxy.heal()
  const from = performance.now()
  while ((await words()) !== text) await delay(LOOK_EVERY_MS)
  const ms = performance.now() - from
  // Until all is held again, as in a device that was at rest when the link went.
  await delay(500)
  return ms
}
