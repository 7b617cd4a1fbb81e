/** Keeping a confirmed command, and forgetting all of them: effects on files, performed for the kernel alone. */
import * as v from 'valibot'
import type { Json, JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { ExternalPerformer } from '../../shared/kernel/contract.ts'
import type { Queryable } from '../../shared/sql/port.ts'
import { consentOf, onDevice } from './consent.ts'
import { ConsentMissing } from './errors.ts'
import type { Kept, Recordings } from './recordings.ts'

const TurnSchema = v.looseObject({ turn: v.string() })

/** `speech.keep`: one recording. Throws {@link ConsentMissing} when consent was withdrawn meanwhile. */
export function keepPerformer(
  parts: { readonly recordings: Recordings; readonly db: Queryable },
  kept: Kept,
  wav: Uint8Array,
): ExternalPerformer<JsonObject, Json> {
  return {
    ...keepResolver(parts.recordings),
    accepts: TurnSchema,
    route: onDevice,
    perform: async (admitted) => {
      redeem(admitted, 'speech.keep')
      if (!(await consentOf(parts.db)).given)
        throw new ConsentMissing('recordings are kept only with consent, and it was withdrawn', {
          remedy: 'Give it with `starling speech consent give`.',
        })
      await parts.recordings.keep(kept, wav)
      return { turn: kept.turn }
    },
    check: (output) => {
      v.parse(v.strictObject({ turn: v.literal(kept.turn) }), output)
    },
  }
}

/** Says after a crash whether a recording is there. */
export function keepResolver(recordings: Recordings) {
  return {
    kind: 'external',
    action: 'speech.keep',
    resolve: async (intent: { readonly input: JsonObject | null }) => {
      const parsed = v.safeParse(TurnSchema, intent.input)
      if (!parsed.success) return 'unknown'
      return (await recordings.has(parsed.output.turn)) ? 'took_place' : 'did_not_take_place'
    },
  } as const
}

/** `speech.forget`: all of them. */
export function forgetPerformer(recordings: Recordings): ExternalPerformer<JsonObject, Json> {
  return {
    kind: 'external',
    action: 'speech.forget',
    accepts: v.strictObject({}),
    route: onDevice,
    perform: async (admitted) => {
      redeem(admitted, 'speech.forget')
      return { forgotten: await recordings.forget() }
    },
    check: (output) => {
      v.parse(v.strictObject({ forgotten: v.number() }), output)
    },
    resolve: async () => ((await recordings.list()).length === 0 ? 'took_place' : 'did_not_take_place'),
  }
}
