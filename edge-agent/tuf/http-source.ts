/**
 * A TUF repository over HTTP: one connection a request, so that nothing depends on a server's keep-alive. The transport is
 * not trusted, plain HTTP included; it is only kept from filling the disk, or from holding the device for ever.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { urlPath } from '../../rollout/tuf/file-names.ts'
import { TufUnreachable, type RepositorySource } from './repository-source.ts'

/** A server that says nothing for this long is gone. */
const IDLE_LIMIT_MS = 20_000
/** A transfer may start slowly; after this long it must have kept up {@link MIN_BYTES_PER_SECOND}. */
const SLOW_START_MS = 30_000
/** Below this, 20 MB take a day: a drip that only holds the line. */
const MIN_BYTES_PER_SECOND = 256

interface Place {
  readonly metadataUrl: string
  /** Needed only where targets are fetched. */
  readonly targetUrl?: string | undefined
  readonly signal?: AbortSignal
}

export function httpSource(place: Place): RepositorySource {
  return {
    metadata: async (name, limitBytes) => {
      const response = await open(place.metadataUrl, name, place.signal)
      if (response === undefined) return undefined
      const chunks: Uint8Array[] = []
      for await (const chunk of body(response, name, limitBytes)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    target: async function* (location, limitBytes) {
      const response = await open(place.targetUrl ?? place.metadataUrl, urlPath(location), place.signal)
      if (response === undefined) throw new TufUnreachable('absent', `${location} is not there`)
      yield* body(response, location, limitBytes)
    },
  }
}

/** The response, or undefined when the server says that it has no such file (403 as some object stores answer, or 404). */
async function open(
  baseUrl: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage | undefined> {
  const base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
  const options: RequestOptions = {
    protocol: base.protocol,
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port,
    // Not through URL, which would resolve a role called `..`.
    path: base.pathname + name,
    agent: false,
    timeout: IDLE_LIMIT_MS,
    headers: { 'user-agent': 'starling-tuf', 'accept-encoding': 'identity' },
    ...(signal === undefined ? {} : { signal }),
  }
  const request = base.protocol === 'https:' ? (await import('node:https')).request : httpRequest
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request(options, resolve)
    call.on('error', (cause) => reject(new TufUnreachable('failed', `${name}: ${cause.message}`, cause)))
    call.on('timeout', () => call.destroy(new Error(`silent for ${IDLE_LIMIT_MS} ms`)))
    call.end()
  })
  if (response.statusCode === 200) return response
  response.destroy()
  if (response.statusCode === 404 || response.statusCode === 403) return undefined
  throw new TufUnreachable('failed', `${name}: the server answered ${response.statusCode}`)
}

async function* body(
  response: IncomingMessage,
  name: string,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  const begun = performance.now()
  let received = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length
      if (received > limitBytes) throw new TufUnreachable('endless', `${name}: more than ${limitBytes} bytes`)
      const slowMs = performance.now() - begun - SLOW_START_MS
      if (received < (slowMs / 1000) * MIN_BYTES_PER_SECOND)
        throw new TufUnreachable('slow', `${name}: ${received} bytes after ${SLOW_START_MS} ms and more`)
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
