/**
 * Who may fetch which content: a device only what its own director metadata names, manifests and the files in them. Everything
 * else is for the policy to permit, so that each refusal is a decision in the audit record.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { DeviceId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import type { Kernel, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { atCentre, centrePerformer, EffectStopped } from '../performer.ts'
import type { Repositories } from './repositories/repositories.ts'

/** Content that is not for who asks. */
export class ContentForbidden extends StarlingError {
  override readonly code = 'forbidden'
}

/** What was just looked up answers the pieces that follow; a change of direction counts after this at the latest. */
const REMEMBERED_MS = 2_000
/** Devices whose rights are remembered, and refusals that are: the oldest go. */
const MAX_REMEMBERED = 2_000
/** One record an hour a device and content: whoever asks in a loop must not fill the journal. */
const RECORDED_AGAIN_MS = 3_600_000

const ReadSchema = v.strictObject({ sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })

/** Performs `release.read`: content that no director named for who reads it, where the policy permits that. */
export function readContentPerformer(): TransactionalPerformer<JsonObject, JsonObject> {
  return centrePerformer(
    'release.read',
    ReadSchema,
    async (_work, { sha256 }) => await Promise.resolve({ sha256 }),
  )
}

export interface ContentRights {
  /** Throws {@link ContentForbidden} unless `device` may fetch it. */
  check(device: DeviceId, sha256: string): Promise<void>
}

export function openContentRights(parts: {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly repositories: Pick<Repositories, 'named' | 'direct'>
}): ContentRights {
  const { kernel, clock, repositories } = parts
  const rights = new Map<DeviceId, { readonly named: ReadonlySet<string>; readonly atMs: number }>()
  const refusals = new Map<string, number>()
  const look = async (device: DeviceId): Promise<ReadonlySet<string>> => {
    const named = await repositories.named(device)
    remember(rights, device, { named, atMs: clock.monotonicMs() })
    return named
  }
  return {
    check: async (device, sha256) => {
      const known = rights.get(device)
      const isFresh = known !== undefined && clock.monotonicMs() - known.atMs < REMEMBERED_MS
      if (isFresh ? known.named.has(sha256) : (await look(device)).has(sha256)) return
      // What it shall run may have changed since it was last said.
      await repositories.direct(device)
      if ((await look(device)).has(sha256)) return
      const key = `${device} ${sha256}`
      const recordedMs = refusals.get(key)
      if (recordedMs !== undefined && clock.monotonicMs() - recordedMs < RECORDED_AGAIN_MS)
        throw forbidden(sha256)
      try {
        await atCentre(kernel, readContentPerformer(), {
          principal: { kind: 'device', id: device, roles: ['device'] },
          resource: { type: 'content', id: sha256 },
          input: { sha256 },
        })
      } catch (thrown) {
        if (!(thrown instanceof EffectStopped) || thrown.code !== 'denied') throw thrown
        remember(refusals, key, clock.monotonicMs())
        throw forbidden(sha256)
      }
    },
  }
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest)
}

function forbidden(sha256: string): ContentForbidden {
  return new ContentForbidden(`the content ${sha256} is not for this device`, {
    remedy: 'A device fetches what its director metadata names: choose a release for it that holds this.',
  })
}
