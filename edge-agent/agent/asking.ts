/** Asking the centre over the leaf: a request that nobody answers in time says that the centre is away, never more. */
import { NoRespondersError, RequestError, TimeoutError, type NatsConnection } from '@nats-io/transport-node'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { CentreUnreachable, openAnswer, type Ask } from '../../shared/wire/answer.ts'
import { subjects } from '../../shared/wire/subjects.ts'

/** A piece of 256 KiB on a poor radio link takes a few seconds. */
const ANSWER_WITHIN_MS = 15_000

export function askOver(connection: NatsConnection, tenant: TenantId, device: DeviceId): Ask {
  return async (verb, request, signal) => {
    signal.throwIfAborted()
    let aborted: () => void = () => undefined
    const stop = new Promise<never>((_resolve, reject) => {
      aborted = () => reject(signal.reason as Error)
      signal.addEventListener('abort', aborted, { once: true })
    })
    try {
      const asked = connection.request(subjects.ask(tenant, device, verb), request, {
        timeout: ANSWER_WITHIN_MS,
      })
      const answer = await Promise.race([asked, stop])
      return openAnswer(answer.data)
    } catch (thrown) {
      if (isAway(thrown)) throw away(thrown)
      throw thrown
    } finally {
      signal.removeEventListener('abort', aborted)
    }
  }
}

function isAway(thrown: unknown): boolean {
  return (
    thrown instanceof TimeoutError || thrown instanceof NoRespondersError || thrown instanceof RequestError
  )
}

function away(cause: unknown): CentreUnreachable {
  return new CentreUnreachable('the centre does not answer', {
    remedy: 'Nothing needs to be done: the device goes on alone and asks again.',
    cause,
  })
}
