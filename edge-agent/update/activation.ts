/**
 * Pointing at a slot, and back: the two effects of an install, performed for the kernel alone. Both are idempotent, and
 * after a crash the pointer itself says whether they took place.
 */
import * as v from 'valibot'
import { redeem, type Admitted } from '../../shared/kernel/admitted.ts'
import type { DanglingIntent, ExternalPerformer, Resolution, Route } from '../../shared/kernel/contract.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { StarlingError } from '../../shared/errors.ts'
import { parseSha256Hex } from '../../shared/ids.ts'
import { BundleNameSchema, VersionSchema } from '../../shared/wire/bundle.ts'
import type { Slots } from '../models-store/slots.ts'

export class ActivationNotSeen extends StarlingError {
  override readonly code = 'activation_not_seen'
}

const Entries = {
  name: BundleNameSchema,
  slot: v.picklist(['a', 'b']),
  version: VersionSchema,
  envelopeSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
}
const InputSchema = v.strictObject(Entries)
const RollbackSchema = v.strictObject({
  ...Entries,
  /** Its files on the disk are no longer what its manifest names: it is left although it was committed. */
  damaged: v.exactOptional(v.literal(true)),
})

export type ActivationPerformer = ExternalPerformer<JsonObject, JsonObject>

/** `bundle.activate`: the new slot runs from now on. */
export function activatePerformer(slots: Slots): ActivationPerformer {
  return {
    kind: 'external',
    action: 'bundle.activate',
    accepts: InputSchema,
    route: (request) => routeOf(request.input),
    perform: async (admitted: Admitted<JsonObject>) => {
      const { request } = redeem(admitted, 'bundle.activate')
      const { name, ...occupant } = v.parse(InputSchema, request.input)
      await slots.activate(name, occupant)
      return {
        active: (await slots.pointer(name))?.active.envelopeSha256 ?? null,
        wanted: occupant.envelopeSha256,
      }
    },
    check: (output) => {
      if (output['active'] !== output['wanted']) throw notSeen('the new slot')
    },
    resolve: async (intent) => await resolved(slots, intent, true),
  }
}

/** `bundle.rollback`: the slot that was committed last runs again; in the place of a damaged one, if need be, none. */
export function rollbackPerformer(slots: Slots): ActivationPerformer {
  return {
    kind: 'external',
    action: 'bundle.rollback',
    accepts: RollbackSchema,
    route: (request) => routeOf(request.input),
    perform: async (admitted: Admitted<JsonObject>) => {
      const { request } = redeem(admitted, 'bundle.rollback')
      const { name, envelopeSha256, damaged = false } = v.parse(RollbackSchema, request.input)
      await slots.restore(name, { envelopeSha256, damaged })
      return { active: (await slots.pointer(name))?.active.envelopeSha256 ?? null, left: envelopeSha256 }
    },
    check: (output) => {
      if (output['active'] === output['left']) throw notSeen('the slot before')
    },
    resolve: async (intent) => await resolved(slots, intent, false),
  }
}

async function resolved(slots: Slots, intent: DanglingIntent, running: boolean): Promise<Resolution> {
  const parsed = v.safeParse(RollbackSchema, intent.input)
  if (!parsed.success) return 'unknown'
  const active = (await slots.pointer(parsed.output.name))?.active.envelopeSha256
  return (active === parsed.output.envelopeSha256) === running ? 'took_place' : 'did_not_take_place'
}

function routeOf(input: Json): Route {
  const parsed = v.safeParse(RollbackSchema, input)
  return {
    provider: 'starling',
    model: parsed.success ? `${parsed.output.name}@${parsed.output.version}` : 'slots',
    digest: parsed.success ? parseSha256Hex(parsed.output.envelopeSha256) : null,
    region: 'device',
    reason: 'slots lie on the device',
  }
}

function notSeen(what: string): ActivationNotSeen {
  return new ActivationNotSeen(`after the pointer was written, ${what} does not run`, {
    remedy: 'Check the disk of the data folder; the install is rolled back and tried again.',
  })
}
