/** A note in the technician's own words, on the work order in hand. */
import * as v from 'valibot'
import { findRow } from '../context/reads.ts'
import { recall } from '../memory/turn-memory.ts'
import type { FieldAction } from '../turn/ports.ts'
import { fieldPerformer, type FieldParts } from './field-performer.ts'
import { noteUndo } from './undo.ts'

const NoteSlots = v.object({ text: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(4_000)) })
type Noted = { readonly text: string; readonly workOrder: string | null }

export function recordNote(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'note', id: 'new' },
    performer: fieldPerformer(parts, 'note.record', NoteSlots, async (work, { text }): Promise<Noted> => {
      const before = await recall(work.tx)
      const order = before.workOrder === null ? null : await findRow(work.tx, 'work_order', before.workOrder)
      await parts.writes.record(work.tx, work.recordId, {
        table: 'note',
        key: work.recordId,
        patch: {
          workOrderId: order?.id ?? null,
          assetId: order?.assetId ?? null,
          text,
          writtenAt: work.nowIso,
          writtenBy: parts.person,
          withdrawn: false,
        },
      })
      await noteUndo(work, 'the note', before)
      return { text, workOrder: order?.number ?? null }
    }),
    say: (output) => {
      const { text, workOrder } = output as Noted
      return `Noted${workOrder === null ? '' : ` on work order ${workOrder}`}: ${text}`
    },
  }
}
