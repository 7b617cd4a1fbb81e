import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import * as v from 'valibot'
import { NatsServerFailed } from './errors.ts'

export const LOOPBACK = '127.0.0.1'

/** `wish` when nobody listens there, else (or for 0) one that the system gives. */
export async function freePort(wish: number): Promise<number> {
  return (await tryPort(wish)) ?? (await tryPort(0)) ?? noPort()
}

const Kept = v.record(v.string(), v.object({ wish: v.number(), port: v.number() }))

/**
 * Ports that stay the same from start to start, because others come back to them: each wish gets the port that it got the last
 * time, as `file` has kept it, if that is still free. Another wish is a new choice.
 */
export async function keptPorts<Name extends string>(
  file: string,
  wishes: Readonly<Record<Name, number>>,
): Promise<Readonly<Record<Name, number>>> {
  const kept = readKept(file)
  const chosen: Record<string, { wish: number; port: number }> = {}
  for (const [name, wish] of Object.entries<number>(wishes)) {
    const before = kept[name]
    chosen[name] = { wish, port: await freePort(before?.wish === wish ? before.port : wish) }
  }
  writeFileSync(file, JSON.stringify(chosen), { mode: 0o600 })
  const ports = Object.fromEntries(Object.entries(chosen).map(([name, { port }]) => [name, port]))
  return ports as Record<Name, number>
}

function readKept(file: string): v.InferOutput<typeof Kept> {
  try {
    const parsed = v.safeParse(Kept, JSON.parse(readFileSync(file, 'utf8')))
    return parsed.success ? parsed.output : {}
  } catch {
    return {} // The first start, or a file cut short by a power loss: the wishes are good enough.
  }
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
