/** Taking up, closing and listing work orders. Taking one up starts its procedure, if it has one. */
import * as v from 'valibot'
import type { Queryable } from '../../shared/sql/port.ts'
import { findProcedure, findRow, findWorkOrder, listWorkOrders, type Held } from '../context/reads.ts'
import { advanceGuide } from '../guide/guide.ts'
import { keepInMind, recall } from '../memory/turn-memory.ts'
import type { FieldAction, TurnMemory } from '../turn/ports.ts'
import { fieldPerformer, NotFoundHere, NotNow, type FieldParts } from './field-performer.ts'
import { sayStep, type SaidStep } from './steps.ts'
import { noteUndo } from './undo.ts'

const NumberSlot = v.object({
  work_order: v.pipe(v.string(), v.regex(/^\d{1,9}$/, 'a work order has a number')),
})
const OptionalNumberSlot = v.partial(NumberSlot)
/** So many are read out; the page shows the rest. */
const READ_OUT = 3

type Opened = {
  readonly number: string
  readonly title: string
  readonly asset: string | null
  readonly step: SaidStep | null
}

export function openWorkOrder(parts: FieldParts, slots: { readonly work_order?: unknown }): FieldAction {
  return {
    resource: { type: 'work_order', id: idOf(slots.work_order) },
    performer: fieldPerformer(
      parts,
      'work_order.open',
      NumberSlot,
      async (work, { work_order }): Promise<Opened> => {
        const order = await mustFind(work.tx, work_order)
        if (order.status === 'closed')
          throw new NotNow(`Work order ${order.number} is closed.`, {
            remedy: 'Ask the centre to open it again, or say “undo” if you just closed it.',
          })
        const before = await recall(work.tx)
        if (order.status !== 'in_progress')
          await parts.writes.record(work.tx, work.recordId, {
            table: 'work_order',
            key: order.id,
            patch: { status: 'in_progress' },
          })
        const guide = await startGuide(work.tx, order, before)
        await keepInMind(work.tx, { workOrder: order.id, guide: guide.state })
        await noteUndo(work, `opening work order ${order.number}`, before)
        const asset = order.assetId === null ? null : await findRow(work.tx, 'asset', order.assetId)
        return { number: order.number, title: order.title, asset: asset?.name ?? null, step: guide.step }
      },
    ),
    say: (output) => {
      const { number, title, asset, step } = output as Opened
      const where = asset === null ? '' : `, on the ${asset}`
      return [`Work order ${number}: ${title}${where}.`, ...(step === null ? [] : [sayStep(step)])].join(' ')
    },
  }
}

export function closeWorkOrder(
  parts: FieldParts,
  slots: { readonly work_order?: unknown },
  memory: TurnMemory,
): FieldAction {
  return {
    resource: { type: 'work_order', id: idOf(slots.work_order ?? memory.workOrder) },
    performer: fieldPerformer(parts, 'work_order.close', OptionalNumberSlot, async (work, { work_order }) => {
      const before = await recall(work.tx)
      const order =
        work_order === undefined ? await inHand(work.tx, before) : await mustFind(work.tx, work_order)
      if (order.status === 'closed')
        throw new NotNow(`Work order ${order.number} is closed already.`, {
          remedy: 'Nothing needs to be done.',
        })
      await parts.writes.record(work.tx, work.recordId, {
        table: 'work_order',
        key: order.id,
        patch: { status: 'closed', closedAt: work.nowIso },
      })
      if (before.workOrder === order.id)
        await keepInMind(work.tx, { workOrder: null, guide: { kind: 'idle' } })
      await noteUndo(work, `closing work order ${order.number}`, before)
      return { number: order.number, title: order.title }
    }),
    say: (output) => `Work order ${(output as { number: string }).number} is closed.`,
  }
}

type Listed = {
  readonly total: number
  readonly orders: readonly { readonly number: string; readonly title: string }[]
}

export function listOrders(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'work_order', id: 'open' },
    performer: fieldPerformer(parts, 'work_order.list', v.object({}), async (work): Promise<Listed> => {
      const orders = await listWorkOrders(work.tx)
      return { total: orders.length, orders: orders.map(({ number, title }) => ({ number, title })) }
    }),
    say: (output) => {
      const { total, orders } = output as Listed
      if (total === 0) return 'No work orders are open.'
      const first = orders.slice(0, READ_OUT).map(({ number, title }) => `${number}, ${title}`)
      return `${total} open. ${first.join('; ')}.`
    },
  }
}

/** The work order that is in hand. Throws {@link NotNow} when none is. */
export async function inHand(sql: Queryable, memory: TurnMemory): Promise<Held<'work_order'>> {
  const order = memory.workOrder === null ? null : await findRow(sql, 'work_order', memory.workOrder)
  if (order !== null) return order
  throw new NotNow('No work order is in hand.', {
    remedy: 'Open one first: “open work order”, and its number.',
  })
}

async function mustFind(sql: Queryable, number: string): Promise<Held<'work_order'>> {
  const order = await findWorkOrder(sql, number)
  if (order !== null) return order
  throw new NotFoundHere(`There is no work order ${number} on this device.`, {
    remedy: 'Check the number, or say “list work orders”.',
  })
}

async function startGuide(
  sql: Queryable,
  order: Held<'work_order'>,
  before: TurnMemory,
): Promise<{ state: TurnMemory['guide']; step: SaidStep | null }> {
  const resumed = before.guide.kind === 'guiding' && before.guide.workOrder === order.id ? before.guide : null
  if (order.procedureId === null) return { state: { kind: 'idle' }, step: null }
  const procedure = await findProcedure(sql, order.procedureId)
  const event =
    resumed === null
      ? ({ kind: 'started', procedureId: order.procedureId, workOrder: order.id } as const)
      : ({ kind: 'repeat' } as const)
  const { state, reply } = advanceGuide(resumed ?? { kind: 'idle' }, event, procedure)
  return {
    state,
    step: reply.kind === 'step' ? { number: reply.step.number, of: reply.of, text: reply.step.text } : null,
  }
}

function idOf(said: unknown): string {
  return typeof said === 'string' && said.length > 0 ? said.slice(0, 100) : 'unnamed'
}
