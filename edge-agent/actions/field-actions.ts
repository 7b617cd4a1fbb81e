/** The action for an intent: the one list of what a technician can have done by speaking. */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import { keepInMind, recall } from '../memory/turn-memory.ts'
import type { FieldAction, TurnMemory } from '../turn/ports.ts'
import { lookUpAsset } from './assets.ts'
import { fieldPerformer, type FieldParts } from './field-performer.ts'
import { recordNote } from './notes.ts'
import { orderPart } from './parts.ts'
import { askHuman } from './people.ts'
import { logReading } from './readings.ts'
import { moveStep } from './steps.ts'
import { takeBack } from './undo.ts'
import { closeWorkOrder, listOrders, openWorkOrder } from './work-orders.ts'

type MakeAction = (parts: FieldParts, slots: JsonObject, memory: TurnMemory) => FieldAction

const ACTIONS: Readonly<Record<string, MakeAction>> = {
  'work_order.open': openWorkOrder,
  'work_order.close': closeWorkOrder,
  'work_order.list': listOrders,
  'step.next': (parts, _slots, memory) => moveStep(parts, 'next', memory),
  'step.previous': (parts, _slots, memory) => moveStep(parts, 'previous', memory),
  'step.repeat': (parts, _slots, memory) => moveStep(parts, 'repeat', memory),
  'reading.log': logReading,
  'note.record': recordNote,
  'part.order': orderPart,
  'asset.look_up': lookUpAsset,
  'human.ask': askHuman,
  undo,
  cancel,
}

export const FIELD_INTENTS: readonly string[] = Object.keys(ACTIONS)

/** Null for an intent that this device cannot carry out. */
export function fieldAction(
  parts: FieldParts,
  intent: string,
  slots: JsonObject,
  memory: TurnMemory,
): FieldAction | null {
  return Object.hasOwn(ACTIONS, intent) ? (ACTIONS[intent]?.(parts, slots, memory) ?? null) : null
}

/** True for an action whose effect lies in the device's own database. */
export function isFieldAction(action: string): boolean {
  return Object.hasOwn(ACTIONS, action)
}

function undo(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'turn', id: 'last' },
    performer: fieldPerformer(parts, 'undo', v.object({}), async (work) => await takeBack(parts, work)),
    say: (output) => {
      const { what, left } = output as { readonly what: string; readonly left: string | null }
      return left === null ? `Taken back: ${what}.` : `Not taken back, ${what}: ${left}.`
    },
  }
}

/** Drops an open question, else stops the guidance. */
function cancel(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'turn', id: 'open' },
    performer: fieldPerformer(parts, 'cancel', v.object({}), async ({ tx }) => {
      const { open, guide } = await recall(tx)
      if (open !== null) await keepInMind(tx, { open: null })
      else if (guide.kind !== 'idle') await keepInMind(tx, { guide: { kind: 'idle' } })
      return { dropped: open !== null ? 'question' : guide.kind === 'idle' ? 'nothing' : 'guidance' }
    }),
    say: (output) => SAY_DROPPED[(output as { dropped: keyof typeof SAY_DROPPED }).dropped],
  }
}

const SAY_DROPPED = {
  question: 'Dropped. Nothing was done.',
  guidance: 'The procedure is stopped. Open the work order again to start it anew.',
  nothing: 'There is nothing to cancel.',
} as const
