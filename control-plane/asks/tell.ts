/**
 * Telling devices that what they shall run may be otherwise now, so that nobody waits for the next look. It says nothing but
 * "look again": what to run is asked for, so a message that is lost, late or doubled does no harm.
 */
import type { NatsConnection } from '@nats-io/transport-node'
import { parseDeviceId, type TenantId } from '../../shared/ids.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { subjects } from '../../shared/wire/subjects.ts'

export interface Teller {
  /** Sends to each of them what is on its way when it resolves. */
  tell(devices: Iterable<string>): Promise<void>
  tellAll(sql: Queryable): Promise<void>
}

export function openTeller({
  connection,
  tenant,
}: {
  readonly connection: NatsConnection
  readonly tenant: TenantId
}): Teller {
  const tell = async (devices: Iterable<string>): Promise<void> => {
    for (const device of devices) connection.publish(subjects.tell(tenant, parseDeviceId(device), 'desired'))
    await connection.flush()
  }
  return {
    tell,
    tellAll: async (sql) => {
      const rows = await sql.query<{ id: string }>('select id from centre.device where revoked_at is null')
      await tell(rows.map(({ id }) => id))
    },
  }
}
