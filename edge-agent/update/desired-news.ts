/** Hearing that what this device shall run may be otherwise now: the centre says "look again", and never what. */
import type { NatsConnection } from '@nats-io/transport-node'
import type { DeviceId, TenantId } from '../../shared/ids.ts'
import { subjects } from '../../shared/wire/subjects.ts'

/** Calls `heard` for each such word; returns what ends it. Messages may be lost: whoever calls looks again by itself, too. */
export function onDesiredNews(
  connection: NatsConnection,
  of: { readonly tenant: TenantId; readonly device: DeviceId },
  heard: () => void,
): () => void {
  const subscription = connection.subscribe(subjects.tell(of.tenant, of.device, 'desired'), {
    callback: (error) => {
      if (error === null) heard()
    },
  })
  return () => subscription.unsubscribe()
}
