/** A TCP proxy that counts what passes: the bytes of a site's link, both ways. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CountingProxy {
  readonly port: number
  /** So far. */
  bytes(): { readonly up: number; readonly down: number }
  close(): Promise<void>
}

export async function openCountingProxy(targetPort: number): Promise<CountingProxy> {
  let [up, down] = [0, 0]
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: targetPort })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.once('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.on('error', () => other.destroy())
    }
    near.on('data', (chunk) => {
      up += chunk.length
      far.write(chunk)
    })
    far.on('data', (chunk) => {
      down += chunk.length
      near.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => ({ up, down }),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
