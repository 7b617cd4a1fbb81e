/** A leaf that another device of the site keeps: this one is a client of it, and knows of the link what its connection tells. */
import type { NatsConnection } from '@nats-io/transport-node'
import { connectFabric } from '../../shared/fabric/connection.ts'
import { subjects } from '../../shared/wire/subjects.ts'
import type { Leaf, LeafOptions } from './leaf.ts'
import type { LinkState } from './link.ts'

/** What a device needs of the leaf that it hangs on, whoever keeps it. */
export type JoinedLeaf = Pick<Leaf, 'server' | 'link' | 'connect' | 'stop'>

/** The device that keeps it may be starting at this moment, too. */
const CONNECT_WITHIN_MS = 60_000

/** Nothing is started; {@link JoinedLeaf.connect} throws `FabricUnreachable` where nobody lets the device in. */
export function joinLeaf({
  server,
  onLink,
  nowMs,
  signal,
}: Pick<LeafOptions, 'onLink' | 'nowMs' | 'signal'> & { readonly server: string }): JoinedLeaf {
  let state: LinkState = { kind: 'down', sinceMs: nowMs(), reason: 'the site’s leaf was not reached yet' }
  const set = (next: LinkState): void => {
    if (next.kind === state.kind) return
    state = next
    onLink(next)
  }
  const up = (): void => set({ kind: 'up', sinceMs: nowMs() })
  const follow = async (connection: NatsConnection): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type === 'reconnect') up()
      else if (type === 'disconnect')
        set({ kind: 'down', sinceMs: nowMs(), reason: 'the site’s leaf is away' })
    }
  }
  return {
    server,
    link: () => state,
    connect: async ({ device, creds, name }) => {
      const connection = await connectFabric({
        server,
        creds,
        name,
        inboxPrefix: subjects.inboxPrefix(device),
        signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_WITHIN_MS)]),
      })
      void follow(connection)
      up()
      return connection
    },
    stop: async () => await Promise.resolve(),
  }
}
