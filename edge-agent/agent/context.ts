/** The context, followed: the way to the centre, the copy, and what else learns when it changes. */
import type { Closers } from '../../shared/closers.ts'
import { systemClock } from '../../shared/clock.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import { mintShapeToken } from '../../shared/wire/shape-token.ts'
import { listNames } from '../context/reads.ts'
import type { ShapeSource } from '../context/shape/fetch-answer.ts'
import { ContextSync } from '../context/sync.ts'
import { openTunnel, TUNNEL_URL } from '../tunnel/tunnel.ts'
import type { CentreClock } from '../update/centre-clock.ts'
import type { Device } from './agent.ts'
import { startRounds } from './rounds.ts'

/** Names are learnt when their tables change; the round in between only makes sure. */
const LEARN_EVERY_MS = 15 * 60_000
const LEARN_AT_MOST_MS = 60 * 60_000

/** Tables whose rows people say by name. */
const NAMED: ReadonlySet<ContextTable> = new Set(['asset', 'part', 'work_order'])

/** Opens the copy and begins to follow. `contextUrl`: over HTTP(S) at this address instead of through the leaf. */
export async function openContext(
  device: Device,
  {
    centreClock,
    contextUrl,
    onChanged,
  }: {
    readonly centreClock: CentreClock
    readonly contextUrl: string | null
    /** Rows of the copy changed. */
    readonly onChanged: () => void
  },
  closers: Closers,
): Promise<ContextSync> {
  const { identity, ledger, leaf, linkNews, metrics, models, itself, run } = device
  const { log } = run
  let sync: ContextSync | null = null
  // By the centre's clock, which judges the token: a device whose own is wrong is its device all the same.
  const token = (): string =>
    mintShapeToken(identity.keyPair, identity, systemClock.nowMs() - (centreClock.aheadMs() ?? 0))
  const source =
    contextUrl === null
      ? tunnelled(device, closers, { token, onBeat: () => sync?.heard() })
      : { baseUrl: contextUrl, fetch, token }
  const names = startRounds({
    name: 'learning names',
    everyMs: LEARN_EVERY_MS,
    atMostMs: LEARN_AT_MOST_MS,
    log,
    round: async () => await models.relearn(await listNames(ledger.db)),
  })
  closers.add(async () => await names.stop())
  const opened = await ContextSync.open({
    db: ledger.db,
    kernel: ledger.kernel,
    principal: itself,
    source,
    clock: systemClock,
    log,
    metrics,
    random: Math.random,
    onApplied: (tables) => {
      onChanged()
      if ([...tables].some((table) => NAMED.has(table))) names.wake()
    },
  })
  sync = opened
  closers.add(async () => await opened.stop())
  opened.start()
  if (contextUrl === null) {
    opened.link(leaf.link().kind)
    linkNews.add((state) => opened.link(state))
  }
  return opened
}

/** The leaf's one connection carries it; what is held is given up when the link drops. */
function tunnelled(
  { identity, connection, linkNews }: Device,
  closers: Closers,
  { token, onBeat }: { readonly token: () => string; readonly onBeat: () => void },
): ShapeSource {
  const { tenant, device } = identity
  const tunnel = openTunnel({ connection, tenant, device, clock: systemClock, onBeat })
  closers.add(() => tunnel.close())
  linkNews.add((state) => {
    if (state === 'down') tunnel.drop('the link is down')
  })
  return { baseUrl: TUNNEL_URL, fetch: tunnel.fetch, token }
}
