/**
 * A TCP proxy that can be cut: connections are reset, or swallowed without a word (a black hole), until it heals. It can be slow too: each
 * piece comes later, and a lost one (TCP sends it again) a while later still, with all that follows it.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { seeded } from '../../shared/seeded.ts'

export interface Weather {
  /** One way. */
  readonly delayMs: number
  /** Of pieces, from 0 to 1. */
  readonly lost: number
  readonly resendMs: number
}

const FAIR: Weather = { delayMs: 0, lost: 0, resendMs: 0 }

export interface Proxy {
  readonly address: string
  /** Where to connect to; it may change when the centre comes back elsewhere. */
  setTarget(port: number): void
  cut(how: 'reset' | 'black_hole'): void
  heal(): void
  /** From now on, for connections that are made from now on. */
  set(weather: Weather): void
  /** Bytes so far, away from the site and towards it. */
  passed(): { readonly up: number; readonly down: number }
  close(): Promise<void>
}

export async function openProxy(): Promise<Proxy> {
  let target = 0
  let weather = FAIR
  const random = seeded(1)
  const passed = { up: 0, down: 0 }
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
    carry({ from: near, to: far, weather, random }, (bytes) => {
      if (state === 'black_hole') return false
      passed.up += bytes
      return true
    })
    carry({ from: far, to: near, weather, random }, (bytes) => {
      if (state === 'black_hole') return false
      passed.down += bytes
      return true
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
    set: (next) => {
      weather = next
    },
    passed: () => ({ ...passed }),
    close: async () => {
      drop()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** In order: what comes late holds back what comes after it. */
function carry(
  way: {
    readonly from: Socket
    readonly to: Socket
    readonly weather: Weather
    readonly random: () => number
  },
  mayPass: (bytes: number) => boolean,
): void {
  const { from, to, weather, random } = way
  let dueMs = 0
  from.on('data', (chunk) => {
    if (!mayPass(chunk.length)) return
    if (weather.delayMs === 0 && weather.lost === 0) {
      to.write(chunk)
      return
    }
    const lateMs = weather.delayMs + (random() < weather.lost ? weather.resendMs : 0)
    dueMs = Math.max(dueMs, performance.now() + lateMs)
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk)
    }, dueMs - performance.now())
  })
}
