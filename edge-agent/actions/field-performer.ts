/**
 * The form of every field action: a transactional performer whose rows, journal writes, memory and undo entry commit with
 * its outcome record. The gate stands here, once, for all of them.
 */
import * as v from 'valibot'
import type { Clock } from '../../shared/clock.ts'
import { StarlingError } from '../../shared/errors.ts'
import type { RecordId } from '../../shared/ids.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { Route, TransactionalPerformer } from '../../shared/kernel/contract.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import type { LocalWrites } from '../context/local-writes.ts'
import { keepInMind } from '../memory/turn-memory.ts'
import type { WishDone } from '../turn/ports.ts'

/** What actions need of the device. */
export interface FieldParts {
  readonly clock: Clock
  /** Who speaks, as rows name them. */
  readonly person: string
  readonly writes: LocalWrites
}

/** One action at work: the open transaction, and the record that its rows belong to. */
export interface Work {
  readonly tx: Transaction
  readonly recordId: RecordId
  readonly nowIso: string
  readonly turn: string | null
}

class AnswerMissing extends StarlingError {
  override readonly code = 'answer_missing'
}

/** The device holds nothing by that name, or several things. */
export class NotFoundHere extends StarlingError {
  override readonly code = 'not_found_here'
}

export class AmbiguousName extends StarlingError {
  override readonly code = 'ambiguous_name'
}

/** What was asked makes no sense where things stand. */
export class NotNow extends StarlingError {
  override readonly code = 'not_now'
}

export function fieldPerformer<S, O extends Json>(
  parts: FieldParts,
  action: string,
  slots: v.GenericSchema<unknown, S>,
  carryOut: (work: Work, slots: S) => Promise<O>,
): TransactionalPerformer<JsonObject, Json> {
  return {
    kind: 'transactional',
    action,
    accepts: slots,
    route: fieldRoute,
    perform: async (admitted, tx) => {
      const { request, recordId } = redeem(admitted, action)
      const said = v.parse(slots, request.input)
      const nowIso = new Date(parts.clock.nowMs()).toISOString()
      const output = await carryOut({ tx, recordId, nowIso, turn: request.turn }, said)
      await rememberDone(tx, {
        intent: action,
        slots: request.input,
        undoable: await isUndoable(tx, recordId),
      })
      return output
    },
    check: (output) => {
      if (typeof output === 'object' && output !== null && !Array.isArray(output)) return
      throw new AnswerMissing(`${action} gave no answer to read out`, {
        remedy: 'This is a fault in Starling: report it.',
      })
    },
  }
}

/** For a speaker who corrects it at once. */
async function rememberDone(tx: Transaction, done: WishDone): Promise<void> {
  await keepInMind(tx, { last: done })
}

async function isUndoable(tx: Transaction, recordId: RecordId): Promise<boolean> {
  return (await tx.query('select 1 from local.undo where of = $1', [recordId])).length > 0
}

function fieldRoute(): Route {
  return {
    provider: 'starling',
    model: 'field-actions/1',
    digest: null,
    region: 'device',
    reason: 'it changes this device’s own copy, and goes up with its journal',
  }
}
