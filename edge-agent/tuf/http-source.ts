/**
 * A TUF repository over HTTP: one connection a request, so that nothing depends on a server's keep-alive. The transport is
 * not trusted, plain HTTP included; it is only kept from filling the disk, or from holding the device for ever.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { urlPath } from '../../rollout/tuf/file-names.ts'
import { TufUnreachable, type RepositorySource } from './repository-source.ts'

/** When a transfer is given up. */
export interface TransferLimits {
  /** A server that says nothing for this long is gone. */
  readonly idleMs: number
  /** A transfer may start slowly; after this long it must have kept up the rate. */
  readonly slowStartMs: number
  readonly leastBytesPerSecond: number
}

/** At 256 bytes a second, 20 MB take a day: below it, somebody only holds the line. */
const USUAL_LIMITS: TransferLimits = { idleMs: 20_000, slowStartMs: 30_000, leastBytesPerSecond: 256 }

interface Place {
  readonly metadataUrl: string
  /** Needed only where targets are fetched. */
  readonly targetUrl?: string | undefined
  readonly signal?: AbortSignal
  readonly limits?: TransferLimits
}

export function httpSource(place: Place): RepositorySource {
  const limits = place.limits ?? USUAL_LIMITS
  return {
    metadata: async (name, limitBytes) => {
      const response = await open(place.metadataUrl, name, place)
      if (response === undefined) return undefined
      const chunks: Uint8Array[] = []
      for await (const chunk of body(response, { name, limitBytes, limits })) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    target: async function* (location, limitBytes) {
      const response = await open(place.targetUrl ?? place.metadataUrl, urlPath(location), place)
      if (response === undefined) throw new TufUnreachable('absent', `${location} is not there`)
      yield* body(response, { name: location, limitBytes, limits })
    },
  }
}

/** The response, or undefined when the server says that it has no such file (403 as some object stores answer, or 404). */
async function open(
  baseUrl: string,
  name: string,
  { signal, limits = USUAL_LIMITS }: Place,
): Promise<IncomingMessage | undefined> {
  const base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
  const options: RequestOptions = {
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port,
    // Not through URL, which would resolve a role called `..`.
    path: base.pathname + name,
    agent: false,
    timeout: limits.idleMs,
    headers: { 'user-agent': 'starling-tuf', 'accept-encoding': 'identity' },
    ...(signal === undefined ? {} : { signal }),
  }
  const request = base.protocol === 'https:' ? (await import('node:https')).request : httpRequest
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(options, resolve)
    call.on('error', (cause) => reject(new TufUnreachable('failed', `${name}: ${cause.message}`, cause)))
    call.on('timeout', () => call.destroy(new Error(`silent for ${limits.idleMs} ms`)))
    call.end()
  })
  if (response.statusCode === 200) return response
  response.destroy()
  if (response.statusCode === 404 || response.statusCode === 403) return undefined
  throw new TufUnreachable('failed', `${name}: the server answered ${response.statusCode}`)
}

interface Transfer {
  readonly name: string
  readonly limitBytes: number
  readonly limits: TransferLimits
}

async function* body(
  response: IncomingMessage,
  { name, limitBytes, limits }: Transfer,
): AsyncGenerator<Uint8Array> {
  const begun = performance.now()
  let received = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length
      if (received > limitBytes) throw new TufUnreachable('endless', `${name}: more than ${limitBytes} bytes`)
      const slowMs = performance.now() - begun - limits.slowStartMs
      if (received < (slowMs / 1000) * limits.leastBytesPerSecond)
        throw new TufUnreachable('slow', `${name}: ${received} bytes after ${limits.slowStartMs} ms and more`)
      yield chunk
    }
  } catch (cause) {
    if (cause instanceof TufUnreachable) throw cause
    throw new TufUnreachable(
      'failed',
      `${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    )
  } finally {
    response.destroy()
  }
}
