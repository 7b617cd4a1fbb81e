/** A TCP proxy that can be cut: connections are reset, or swallowed without a word (a black hole), until it heals. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  readonly address: string
  /** Where to connect to; it may change when the centre comes back elsewhere. */
  setTarget(port: number): void
  cut(how: 'reset' | 'black_hole'): void
  heal(): void
  close(): Promise<void>
}

export async function openProxy(): Promise<Proxy> {
  let target = 0
  let state: 'open' | 'reset' | 'black_hole' = 'open'
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    sockets.add(near)
    near.once('close', () => sockets.delete(near))
    near.on('error', () => near.destroy())
    if (state === 'reset') {
      near.resetAndDestroy()
      return
    }
    if (state === 'black_hole') return
    const far = connect({ host: '127.0.0.1', port: target })
    sockets.add(far)
    far.once('close', () => {
      sockets.delete(far)
      near.destroy()
    })
    far.on('error', () => near.destroy())
    near.once('close', () => far.destroy())
    near.on('data', (chunk) => {
      if (state !== 'black_hole') far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (state !== 'black_hole') near.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const drop = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    address: `127.0.0.1:${port}`,
    setTarget: (next) => {
      target = next
    },
    cut: (how) => {
      state = how
      if (how === 'reset') drop()
    },
    heal: () => {
      // What a black hole has swallowed cannot be taken up again in the middle of a stream.
      if (state === 'black_hole') drop()
      state = 'open'
    },
    close: async () => {
      drop()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
