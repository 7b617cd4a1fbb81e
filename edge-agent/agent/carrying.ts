/** For whom the leaf that this device keeps speaks: its site's devices, as the centre says. The newest word of it lies on the disk. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import * as v from 'valibot'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import type { Log } from '../../shared/log.ts'
import { decodeJson, type Ask } from '../../shared/wire/answer.ts'
import { SiteLeafAnswerSchema } from '../../shared/wire/site.ts'
import { replaceSecret, type Identity } from '../identity/identity.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { onDesiredNews } from '../update/desired-news.ts'
import type { LinkNews } from './leaf.ts'
import { startRounds } from './rounds.ts'

/** News of a device that joined may be lost; who joins waits no longer than this. */
const ASK_EVERY_MS = 10 * 60_000

const CarriedSchema = v.strictObject({ v: v.literal(1), devices: v.array(v.string()), jwt: v.string() })
type Carried = v.InferOutput<typeof CarriedSchema>

/** What the leaf links with: the rights that came with the enrolment until the centre issued others. */
export function carriedBy(folder: string, { device, leafJwt }: Identity): Carried {
  try {
    return v.parse(CarriedSchema, JSON.parse(readFileSync(pathIn(folder), 'utf8')))
  } catch {
    return { v: 1, devices: [device], jwt: leafJwt } // None yet, or torn: the centre is asked again.
  }
}

/** Asks at the start, when the link comes up, at the centre's word, and now and then; returns what ends it. */
export function keepCarrying(parts: {
  readonly folder: string
  readonly tenant: TenantId
  readonly device: DeviceId
  readonly identity: Identity
  readonly connection: NatsConnection
  readonly linkNews: LinkNews
  readonly leaf: Leaf
  readonly ask: Ask
  /** Where the centre takes leaves, where that is not as at the enrolment. */
  readonly leafUrl: string | undefined
  readonly log: Log
}): () => Promise<void> {
  const { folder, identity, ask, leaf, leafUrl, log } = parts
  const rounds = startRounds({
    name: 'asking for whom the site’s leaf speaks',
    everyMs: ASK_EVERY_MS,
    atMostMs: ASK_EVERY_MS,
    log,
    round: async (signal) => {
      const { devices } = carriedBy(folder, identity)
      const request = new TextEncoder().encode(JSON.stringify({ v: 1, devices }))
      const answer = decodeJson(SiteLeafAnswerSchema, await ask('site.leaf', request, signal))
      if (answer.jwt === null) return
      const carried: Carried = { v: 1, devices: [...answer.devices], jwt: answer.jwt }
      replaceSecret(pathIn(folder), JSON.stringify(carried))
      await leaf.relink({ url: leafUrl ?? identity.leafUrl, creds: identity.leafCredsOf(answer.jwt) })
      log.info(`the site's leaf speaks for ${answer.devices.join(', ')}`)
    },
  })
  const unsubscribe = onDesiredNews(parts.connection, parts, () => rounds.wake())
  parts.linkNews.add((state) => {
    if (state === 'up') rounds.wake()
  })
  return async () => {
    unsubscribe()
    await rounds.stop()
  }
}

function pathIn(folder: string): string {
  return join(folder, 'site-leaf.json')
}
