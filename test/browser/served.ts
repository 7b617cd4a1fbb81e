/** A page's server on loopback that can go away and come back under the same address, as a centre does that is started anew. */
import { serve, type ServerType } from '@hono/node-server'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Hono } from 'hono'

export interface Served {
  readonly url: string
  /** Ends every connection, and takes none. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
}

export async function served(app: Hono): Promise<Served> {
  let server = await listening(app, 0)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    goAway: async () => {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
    comeBack: async () => {
      server = await listening(app, port)
    },
  }
}

async function listening(app: Hono, port: number): Promise<ServerType> {
  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
  await once(server, 'listening')
  return server
}
