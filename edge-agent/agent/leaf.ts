/** How the device hangs on the fabric: by a leaf of its own, which it keeps for its site, or by one that another device keeps. */
import { join } from 'node:path'
import { systemClock } from '../../shared/clock.ts'
import { findNatsServer } from '../../shared/fabric/nats-server-binary.ts'
import type { Identity } from '../identity/identity.ts'
import { joinLeaf, type JoinedLeaf } from '../leaf/joined-leaf.ts'
import { startLeaf, type Leaf } from '../leaf/leaf.ts'
import type { LinkState } from '../leaf/link.ts'
import type { AgentOptions, AgentRun } from './agent.ts'
import { carriedBy } from './carrying.ts'

/** Tells those who follow the link, who are opened after the leaf that brings the news. */
export class LinkNews {
  readonly #listeners: ((state: LinkState['kind']) => void)[] = []

  add(listener: (state: LinkState['kind']) => void): void {
    this.#listeners.push(listener)
  }

  tell(state: LinkState['kind']): void {
    for (const listener of this.#listeners) listener(state)
  }
}

/** The leaf that this device keeps for its site, or the one that another keeps. */
export async function openLeaf(
  options: AgentOptions,
  run: AgentRun,
  { identity, linkNews }: { readonly identity: Identity; readonly linkNews: LinkNews },
): Promise<{ readonly leaf: JoinedLeaf; readonly kept: Leaf | null }> {
  const { log, signal } = run
  const onLink = (state: LinkState): void => {
    log.info(state.kind === 'up' ? 'the link to the centre is up' : `no link to the centre: ${state.reason}`)
    linkNews.tell(state.kind)
  }
  const nowMs = (): number => systemClock.nowMs()
  if (options.joinLeaf !== undefined) {
    log.info(`joins the site's leaf at ${options.joinLeaf}`)
    return { leaf: joinLeaf({ server: options.joinLeaf, onLink, nowMs, signal }), kept: null }
  }
  const binary = await findNatsServer({
    env: process.env,
    cacheDir: options.bin,
    mayInstall: true,
    onProgress: (line) => log.info(line),
    signal,
  })
  const kept = await startLeaf({
    binary: binary.path,
    dir: join(options.data, 'nats'),
    site: identity.site,
    trust: identity.trust,
    port: options.leafPort,
    link: {
      url: options.leafUrl ?? identity.leafUrl,
      creds: identity.leafCredsOf(carriedBy(options.data, identity).jwt),
    },
    onEvent: (event) => {
      if (event.kind === 'given_up') run.fail(event.error)
      else if (event.kind === 'storage_lost')
        log.error('the leaf lost its storage and is started again', { text: event.text })
    },
    onLink,
    nowMs,
    signal,
  })
  return { leaf: kept, kept }
}
