import { createServer } from 'node:net'
import { NatsServerFailed } from './errors.ts'

export const LOOPBACK = '127.0.0.1'

/** `wish` when nobody listens there, else (or for 0) one that the system gives. */
export async function freePort(wish: number): Promise<number> {
  return (await tryPort(wish)) ?? (await tryPort(0)) ?? noPort()
}

function tryPort(wish: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ host: LOOPBACK, port: wish, exclusive: true }, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : null
      server.close(() => resolve(port))
    })
  })
}

function noPort(): never {
  throw new NatsServerFailed('no port is free on this machine', {
    remedy: 'Stop programs that hold ports open, then start again.',
  })
}
