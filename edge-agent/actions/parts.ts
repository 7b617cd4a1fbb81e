/** Ordering a part by its number or its name. */
import * as v from 'valibot'
import { findPart } from '../context/reads.ts'
import { recall } from '../memory/turn-memory.ts'
import type { FieldAction } from '../turn/ports.ts'
import { fieldPerformer, type FieldParts } from './field-performer.ts'
import { oneOf } from './named.ts'
import { noteUndo } from './undo.ts'

const MAX_COUNT = 1_000
const OrderSlots = v.object({
  part: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  count: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MAX_COUNT, `order at most ${MAX_COUNT} at once`),
    ),
    1,
  ),
})
type Ordered = {
  readonly number: string
  readonly name: string
  readonly count: number
  readonly stock: number
}

export function orderPart(parts: FieldParts, slots: { readonly part?: unknown }): FieldAction {
  return {
    resource: { type: 'part', id: typeof slots.part === 'string' ? slots.part.slice(0, 100) : 'unnamed' },
    performer: fieldPerformer(
      parts,
      'part.order',
      OrderSlots,
      async (work, { part, count }): Promise<Ordered> => {
        const found = oneOf(await findPart(work.tx, part), 'part', part)
        const before = await recall(work.tx)
        await parts.writes.record(work.tx, work.recordId, {
          table: 'part_order',
          key: work.recordId,
          patch: {
            partId: found.id,
            partNumber: found.number,
            count,
            workOrderId: before.workOrder,
            orderedAt: work.nowIso,
            orderedBy: parts.person,
            status: 'ordered',
          },
        })
        const what = `the order of ${count} ${found.name}`
        await noteUndo(work, what, before)
        return { number: found.number, name: found.name, count, stock: found.stock }
      },
    ),
    say: (output) => {
      const { number, name, count, stock } = output as Ordered
      const short = count > stock ? ` Only ${stock} in stock.` : ''
      return `Ordered ${count} of part ${number}, ${name}.${short}`
    },
  }
}
