/** Enrolment over the API: the one call that a device makes before the fabric knows it. */
import type { HttpBindings } from '@hono/node-server'
import type { Clock } from '../../shared/clock.ts'
import type { Kernel } from '../../shared/kernel/contract.ts'
import type { Log } from '../../shared/log.ts'
import type { Database } from '../../shared/sql/port.ts'
import { ENROL_PATH, EnrolAnswerSchema, EnrolRequestSchema } from '../../shared/wire/enrolment.ts'
import { EnrolmentAttempts } from '../identity/attempts.ts'
import { devicesOfSite } from '../identity/devices.ts'
import { enrolAnswer, enrolInput, enrolPerformer, type EnrolmentParts } from '../identity/enrol.ts'
import { atCentre } from '../performer.ts'
import { openEndpoint, type Endpoint } from './endpoint.ts'

export function enrolEndpoint(parts: {
  readonly db: Database
  readonly kernel: Kernel
  readonly clock: Clock
  readonly log: Log
  readonly enrolment: EnrolmentParts
  /** Has devices look again. */
  tell(devices: readonly string[]): Promise<void>
}): Endpoint {
  const attempts = new EnrolmentAttempts(parts.clock)
  return openEndpoint(
    {
      method: 'post',
      path: ENROL_PATH,
      tag: 'devices',
      summary: 'Takes a device in that shows a one-time token and proves that it holds its keys.',
      body: EnrolRequestSchema,
      answer: EnrolAnswerSchema,
      refusals: [401, 403, 409, 422, 429],
    },
    async ({ body: request, context }) => {
      const forgive = attempts.take(addressOf(context.env))
      const performed = await atCentre(parts.kernel, enrolPerformer(parts.enrolment, request), {
        resource: { type: 'device', id: request.claim.device },
        input: enrolInput(request),
      })
      forgive()
      parts.log.info(`enrolled ${request.claim.device} at ${request.claim.site}`)
      // Whoever keeps the site's leaf has it speak for the new device, too.
      await parts.tell(await devicesOfSite(parts.db, request.claim.site))
      return await enrolAnswer(parts.enrolment, performed.output)
    },
  )
}

/** Who is at the other end of the connection, as far as the server knows. */
function addressOf(env: unknown): string {
  return (env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? 'unknown'
}
