/** Giving something to a person at the centre: an inbox item, which travels up like any other write. */
import * as v from 'valibot'
import type { JsonObject } from '../../shared/json.ts'
import type { TransactionalPerformer } from '../../shared/kernel/contract.ts'
import { recall } from '../memory/turn-memory.ts'
import type { InboxItem } from '../turn/conduct.ts'
import type { FieldAction } from '../turn/ports.ts'
import { fieldPerformer, type FieldParts, type Work } from './field-performer.ts'
import { noteUndo } from './undo.ts'

const DoubtSlots = v.object({ transcript: v.pipe(v.string(), v.maxLength(4_000)), reason: v.string() })
const AskSlots = v.object({ text: v.optional(v.pipe(v.string(), v.maxLength(4_000)), '') })

/** What the device was not sure enough to act on. */
export function inboxPerformer(parts: FieldParts): TransactionalPerformer<JsonObject, InboxItem> {
  // Its output is an InboxItem by construction; the form of every field action is wider.
  return fieldPerformer(parts, 'inbox.raise', DoubtSlots, async (work, { transcript, reason }) => {
    await raise(parts, work, { question: transcript, reason })
    return { itemId: work.recordId }
  }) as TransactionalPerformer<JsonObject, InboxItem>
}

export function askHuman(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'inbox', id: 'new' },
    performer: fieldPerformer(parts, 'human.ask', AskSlots, async (work, { text }) => {
      const before = await recall(work.tx)
      await raise(parts, work, {
        question: text === '' ? 'Please call me.' : text,
        reason: 'asked_for_a_person',
      })
      await noteUndo(work, 'asking for a person', before)
      return { itemId: work.recordId }
    }),
    say: () => 'A person will be asked. The request goes up when the link is there.',
  }
}

async function raise(
  parts: FieldParts,
  work: Work,
  item: { readonly question: string; readonly reason: string },
): Promise<void> {
  const { workOrder } = await recall(work.tx)
  await parts.writes.record(work.tx, work.recordId, {
    table: 'inbox_item',
    key: work.recordId,
    patch: {
      ...item,
      turn: work.turn,
      workOrderId: workOrder,
      raisedAt: work.nowIso,
      raisedBy: parts.person,
      status: 'open',
      answer: null,
      answeredBy: null,
      answeredAt: null,
    },
  })
}
