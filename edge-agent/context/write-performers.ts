/** What a person decides about changes: between two versions, about one that was rejected, to take one back. Each is an effect. */
import * as v from 'valibot'
import { StarlingError } from '../../shared/errors.ts'
import type { RecordId } from '../../shared/ids.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import type { LocalWrites } from './local-writes.ts'
import { discardWrite, retryWrite } from './quarantine.ts'
import { findRow } from './reads.ts'

export class NoSuchConflict extends StarlingError {
  override readonly code = 'no_such_conflict'
}

export class ConflictSettled extends StarlingError {
  override readonly code = 'conflict_settled'
}

export class DecisionRefused extends StarlingError {
  override readonly code = 'decision_refused'
}

export const TakeSchema = v.picklist(['ours', 'theirs'])
export type Take = v.InferOutput<typeof TakeSchema>
/** What can be done with a write that is not through. */
export const WRITE_DEEDS = ['retry', 'discard', 'undo'] as const
export type WriteDeed = (typeof WRITE_DEEDS)[number]

type Performer = TransactionalPerformer<JsonObject, JsonObject>

/** `context.settle`: chooses one version of a conflict. It takes effect when the centre has heard of it. */
export function settlePerformer(writes: LocalWrites): Performer {
  const schema = v.strictObject({ id: v.string(), take: TakeSchema })
  return performer('context.settle', schema, async ({ tx, recordId }, { id, take }) => {
    const conflict = await findRow(tx, 'write_conflict', id)
    if (conflict === null)
      throw new NoSuchConflict('there is no such conflict on this device', {
        remedy: 'See `starling context conflicts`: one that was overwritten since is gone.',
      })
    if (conflict.status === 'settled' || conflict.choice !== null)
      throw new ConflictSettled(
        conflict.settledBy === null
          ? 'a choice is on its way already'
          : `${conflict.settledBy} settled it already`,
        { remedy: 'Change the row itself if that was wrong.' },
      )
    const patch = { choice: take }
    return { id, take, write: await writes.record(tx, recordId, { table: 'write_conflict', key: id, patch }) }
  })
}

const IdSchema = v.strictObject({ id: v.string() })

/** `context.retry`, `context.discard` and `context.undo`, each of one write. */
export function deedPerformer(writes: LocalWrites, deed: WriteDeed): Performer {
  return performer(`context.${deed}`, IdSchema, async ({ tx, recordId }, { id }) => {
    if (deed === 'undo') return { id, write: await writes.undo(tx, recordId, id) }
    if (deed === 'discard') return { id, discarded: (await discardWrite(tx, id)).discarded }
    return { id, sent: (await retryWrite(tx, writes, id)).sent }
  })
}

/** True for an effect of this file: it lies in the device's own database. */
export function isWriteDecision(action: string): boolean {
  return action === 'context.settle' || WRITE_DEEDS.some((deed) => action === `context.${deed}`)
}

function performer<I>(
  action: string,
  schema: v.GenericSchema<unknown, I>,
  carryOut: (
    work: { readonly tx: Transaction; readonly recordId: RecordId },
    input: I,
  ) => Promise<JsonObject>,
): Performer {
  return {
    kind: 'transactional',
    action,
    accepts: schema,
    route: () => ({
      provider: 'starling',
      model: 'local-writes/1',
      digest: null,
      region: 'device',
      reason: 'it changes this device’s own copy, and goes up with its journal',
    }),
    perform: async (admitted, tx) => {
      const { request, recordId } = redeem(admitted, action)
      return await carryOut({ tx, recordId }, v.parse(schema, request.input))
    },
    check: (output) => {
      if (typeof output['id'] === 'string') return
      throw new DecisionRefused(`${action} gave no answer`, {
        remedy: 'This is a fault in Starling: report it.',
      })
    },
  }
}
