/** The command line's way to the running agent: its local API on loopback. */
import { StarlingError, type ErrorReport } from '../../shared/errors.ts'
import type { Json } from '../../shared/json.ts'

/** A turn on ten minutes of audio takes seconds; an agent that is silent for longer hangs. */
const ANSWER_WITHIN_MS = 120_000

export class AgentUnreachable extends StarlingError {
  override readonly code = 'agent_unreachable'
}

/** What the agent refused, with its own code. */
export class AgentRefused extends StarlingError {
  override readonly code: string

  constructor(report: ErrorReport) {
    super(report.message, { remedy: report.remedy })
    this.code = report.code
  }
}

export interface AgentClient {
  get(path: string): Promise<Json>
  post(path: string, body: Uint8Array | Json): Promise<Json>
}

export function agentClient(baseUrl: string): AgentClient {
  return {
    get: async (path) => await call(new URL(path, baseUrl), {}),
    post: async (path, body) =>
      body instanceof Uint8Array
        ? await call(new URL(path, baseUrl), send('audio/wav', Buffer.from(body)))
        : await call(new URL(path, baseUrl), send('application/json', JSON.stringify(body))),
  }
}

function send(type: string, body: Buffer | string): RequestInit {
  return { method: 'POST', headers: { 'content-type': type }, body }
}

async function call(url: URL, init: RequestInit): Promise<Json> {
  let status: number
  let text: string
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    status = answer.status
    text = await answer.text()
  } catch (cause) {
    throw new AgentUnreachable(`the agent at ${url.origin} does not answer: ${(cause as Error).message}`, {
      remedy: 'Start it with `starling up`, and try again.',
      cause,
    })
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw new AgentUnreachable(`what listens at ${url.origin} is not Starling's agent`, {
      remedy: 'Stop it, or start Starling on another port.',
      cause,
    })
  }
  if (status >= 400) throw new AgentRefused(value as unknown as ErrorReport)
  return value
}
