/** Whether the speaker agrees that confirmed commands are kept as recordings: one row, changed by an effect like any other. */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Route, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable } from '../../shared/sql/port.ts'

/** One migration step; the device's migrations number it. */
export const CONSENT_SQL = `
  create schema if not exists speech;
  create table speech.consent (
    only_one boolean primary key default true check (only_one),
    given boolean not null, by_person text not null, at timestamptz not null
  );
`

export type Consent = { readonly given: boolean; readonly by: string | null; readonly at: string | null }

export async function consentOf(db: Queryable): Promise<Consent> {
  const [row] = await db.query<{ given: boolean; by_person: string; at: string }>(
    'select given, by_person, at from speech.consent',
  )
  return row === undefined
    ? { given: false, by: null, at: null }
    : { given: row.given, by: row.by_person, at: row.at }
}

const InputSchema = v.strictObject({ given: v.boolean() })

/** `speech.consent`: given or withdrawn, by the person who asks. */
export function consentPerformer(clock: Clock): TransactionalPerformer<JsonObject, Consent> {
  return {
    kind: 'transactional',
    action: 'speech.consent',
    accepts: InputSchema,
    route: onDevice,
    perform: async (admitted, tx) => {
      const { request } = redeem(admitted, 'speech.consent')
      const { given } = v.parse(InputSchema, request.input)
      const at = new Date(clock.nowMs()).toISOString()
      await tx.query(
        `insert into speech.consent (given, by_person, at) values ($1, $2, $3::text::timestamptz)
         on conflict (only_one) do update set given = excluded.given, by_person = excluded.by_person, at = excluded.at`,
        [given, request.principal.id, at],
      )
      return { given, by: request.principal.id, at }
    },
    check: ({ given }) => {
      v.parse(v.boolean(), given)
    },
  }
}

export function onDevice(): Route {
  return {
    provider: 'starling',
    model: 'recordings/1',
    digest: null,
    region: 'device',
    reason: 'recordings stay on the device',
  }
}
