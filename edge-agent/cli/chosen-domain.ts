/** `--domain NAME|FILE`: what a call is understood by. A file is built when it is met for the first time. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Json } from '../../shared/json.ts'
import { prepareDomain } from '../domain-build/prepared-domain.ts'
import { MODEL_FOLDERS } from '../models/shipped.ts'
import { AgentRefused, type AgentClient } from './agent-client.ts'
import type { Call } from './call.ts'

/** Asks the agent within a domain. */
export interface DomainAsker {
  /** `path` may have a query already. */
  post(agent: AgentClient, path: string, body: Uint8Array | Json): Promise<Json>
}

/** Throws DomainRefused for a file that cannot be used, before anything is started for it. */
export async function chooseDomain(call: Call, wanted: string | undefined): Promise<DomainAsker> {
  if (wanted === undefined) return { post: async (agent, path, body) => await agent.post(path, body) }
  const built = async (path: string): Promise<string> =>
    (
      await prepareDomain(path, call.home.domains, {
        signal: call.signal,
        onProgress: (line) => call.output.progress(line),
      })
    ).id
  let name = /[/\\]|\.ya?ml$/i.test(wanted) ? await built(wanted) : wanted
  const post: DomainAsker['post'] = async (agent, path, body) =>
    await agent.post(`${path}${path.includes('?') ? '&' : '?'}domain=${encodeURIComponent(name)}`, body)
  return {
    post: async (agent, path, body) => {
      try {
        return await post(agent, path, body)
      } catch (thrown) {
        const shipped = shippedFile(name)
        if (!(thrown instanceof AgentRefused) || thrown.code !== 'domain_unknown' || shipped === null)
          throw thrown
        // The device has no bundle of it, but its file came with Starling.
        name = await built(shipped)
        return await post(agent, path, body)
      }
    },
  }
}

function shippedFile(name: string): string | null {
  if (!/^[a-z0-9-]+$/.test(name)) return null
  const path = fileURLToPath(new URL(`${name}.yaml`, MODEL_FOLDERS.domains))
  return existsSync(path) ? path : null
}
