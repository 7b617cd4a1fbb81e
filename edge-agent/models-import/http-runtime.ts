/**
 * A recogniser behind HTTP on this machine: how models of other formats than ONNX are used. Two requests are all it answers:
 *
 *     GET  URL/v1/model      -> {"name", "digest"}               the model that it serves, by SHA-256
 *     POST URL/v1/recognise  <- audio/wav, 16-bit mono           -> {"text", "confidence"}
 *
 * It runs on this device, so that what is said stays there: another host is refused.
 */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'

export class RuntimeRefused extends StarlingError {
  override readonly code = 'runtime_refused'
}

/** Ten minutes of speech are a few tens of kilobytes of text. */
const MAX_ANSWER_BYTES = 1024 * 1024
/** A slow model takes real time for the longest recording that is taken. */
const ANSWER_WITHIN_MS = 600_000
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

export const RuntimeModelSchema = v.object({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
export const RecognisedSchema = v.object({
  text: v.string(),
  confidence: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
})
export type RuntimeModel = v.InferOutput<typeof RuntimeModelSchema>
export type Recognised = v.InferOutput<typeof RecognisedSchema>

export interface HttpRuntime {
  model(signal: AbortSignal): Promise<RuntimeModel>
  /** `wav` is a whole recording. */
  recognise(wav: Uint8Array, signal: AbortSignal): Promise<Recognised>
}

/** Throws {@link RuntimeRefused} for an address that is not this machine's. */
export function httpRuntime(url: string): HttpRuntime {
  const base = loopback(url)
  return {
    model: async (signal) => await ask(base, RuntimeModelSchema, { path: 'v1/model', signal }),
    recognise: async (body, signal) =>
      await ask(base, RecognisedSchema, { path: 'v1/recognise', body, signal }),
  }
}

function loopback(url: string): URL {
  const base = URL.canParse(url) ? new URL(url.endsWith('/') ? url : `${url}/`) : null
  if (base?.protocol === 'http:' && LOOPBACK.has(base.hostname) && base.username === '') return base
  throw new RuntimeRefused(
    `${JSON.stringify(url.slice(0, 200))} is no address of a runtime on this machine`,
    {
      remedy:
        'Give http://127.0.0.1:PORT of a runtime that runs here: what is said does not leave the device.',
    },
  )
}

async function ask<S extends v.GenericSchema>(
  base: URL,
  schema: S,
  call: { readonly path: string; readonly body?: Uint8Array; readonly signal: AbortSignal },
): Promise<v.InferOutput<S>> {
  const { path, body } = call
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)])
  const init: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'audio/wav' }, body: Buffer.from(body) }
  let text: string
  try {
    // A redirect could lead off the machine.
    const answer = await fetch(new URL(path, base), { ...init, redirect: 'error', signal })
    text = await bounded(answer)
    if (!answer.ok) throw new Error(`it answered ${answer.status}: ${text.slice(0, 200)}`)
  } catch (cause) {
    if (call.signal.aborted) throw call.signal.reason
    if (cause instanceof RuntimeRefused) throw cause
    throw refused(base, `does not serve ${path} (${(cause as Error).message})`, cause)
  }
  const parsed = v.safeParse(schema, json(text))
  if (parsed.success) return parsed.output
  throw refused(base, `answered ${path} with something else than its protocol: ${text.slice(0, 100)}`)
}

async function bounded(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length
    if (size > MAX_ANSWER_BYTES)
      throw new RuntimeRefused(`the runtime answered with more than ${MAX_ANSWER_BYTES} bytes`, {
        remedy: 'Mend the runtime: a transcript is shorter.',
      })
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refused(base: URL, how: string, cause?: unknown): RuntimeRefused {
  return new RuntimeRefused(`the runtime at ${base.href} ${how}`, {
    remedy: 'Start it, or see edge-agent/models/README.md for what it must answer.',
    ...(cause === undefined ? {} : { cause }),
  })
}
