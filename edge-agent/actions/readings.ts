/** A reading of a quantity, on the work order in hand and its asset; it counts as the step's evidence when it is what the step asks for. */
import * as v from 'valibot'
import { findAsset, findProcedure, findRow } from '../context/reads.ts'
import type { Transaction } from '../../shared/sql/port.ts'
import { advanceGuide } from '../guide/guide.ts'
import { keepInMind, recall } from '../memory/turn-memory.ts'
import type { FieldAction, TurnMemory } from '../turn/ports.ts'
import { fieldPerformer, type FieldParts, type Work } from './field-performer.ts'
import { oneOf } from './named.ts'
import { noteUndo } from './undo.ts'

const ReadingSlots = v.object({
  value: v.pipe(v.number(), v.finite()),
  unit: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(60))),
  quantity: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(60))),
  asset: v.optional(v.pipe(v.string(), v.maxLength(200))),
})
type Slots = v.InferOutput<typeof ReadingSlots>
type Logged = {
  readonly quantity: string
  readonly value: number
  readonly unit: string
  readonly asset: string | null
}

export function logReading(parts: FieldParts): FieldAction {
  return {
    resource: { type: 'reading', id: 'new' },
    performer: fieldPerformer(parts, 'reading.log', ReadingSlots, async (work, slots): Promise<Logged> => {
      const before = await recall(work.tx)
      const expected = await expectedHere(work.tx, before)
      const asset = await assetOf(work.tx, slots, before)
      const unit = slots.unit ?? expected?.unit ?? ''
      const quantity = slots.quantity ?? fitting(expected, unit) ?? QUANTITY_OF_UNIT.get(unit) ?? 'reading'
      await storeReading(
        { parts, work, before },
        { quantity, unit, value: slots.value, assetId: asset?.id ?? null },
      )
      await countAsEvidence(work.tx, before, quantity)
      await noteUndo(work, `the reading of ${slots.value} ${unit}`.trim(), before)
      return { quantity, value: slots.value, unit, asset: asset?.name ?? null }
    }),
    say: (output) => {
      const { quantity, value, unit, asset } = output as Logged
      const where = asset === null ? '' : ` for the ${asset}`
      return `Logged: ${quantity} ${value} ${unit}`.trimEnd() + `${where}.`
    },
  }
}

/** What a unit measures, where nobody said the quantity. */
const QUANTITY_OF_UNIT: ReadonlyMap<string, string> = new Map([
  ['bar', 'pressure'],
  ['psi', 'pressure'],
  ['kilopascals', 'pressure'],
  ['degrees', 'temperature'],
  ['degrees celsius', 'temperature'],
  ['volts', 'voltage'],
  ['amps', 'current'],
  ['litres per second', 'flow'],
  ['litres per minute', 'flow'],
  ['millimetres', 'length'],
  ['hertz', 'frequency'],
  ['revolutions per minute', 'speed'],
  ['percent', 'level'],
])

async function storeReading(
  at: { readonly parts: FieldParts; readonly work: Work; readonly before: TurnMemory },
  reading: Pick<Logged, 'quantity' | 'unit' | 'value'> & { readonly assetId: string | null },
): Promise<void> {
  const { parts, work, before } = at
  await parts.writes.record(work.tx, work.recordId, {
    table: 'reading',
    key: work.recordId,
    patch: {
      ...reading,
      workOrderId: before.workOrder,
      takenAt: work.nowIso,
      takenBy: parts.person,
      withdrawn: false,
    },
  })
}

async function expectedHere(
  tx: Transaction,
  memory: TurnMemory,
): Promise<{ readonly quantity: string; readonly unit: string } | null> {
  if (memory.guide.kind !== 'guiding') return null
  const procedure = await findProcedure(tx, memory.guide.procedureId)
  return procedure?.steps[memory.guide.index]?.evidence ?? null
}

function fitting(
  expected: { readonly quantity: string; readonly unit: string } | null,
  unit: string,
): string | null {
  if (expected === null) return null
  return unit === '' || unit === expected.unit || unit.startsWith(`${expected.unit} `)
    ? expected.quantity
    : null
}

/** "Pressure" said at a step that asks for the "discharge pressure" is that pressure. */
async function countAsEvidence(tx: Transaction, before: TurnMemory, quantity: string): Promise<void> {
  if (before.guide.kind !== 'guiding') return
  const procedure = await findProcedure(tx, before.guide.procedureId)
  const wanted = procedure?.steps[before.guide.index]?.evidence?.quantity
  const counts = wanted !== undefined && (wanted === quantity || wanted.endsWith(` ${quantity}`))
  const event = { kind: 'recorded', quantity: counts ? wanted : quantity } as const
  await keepInMind(tx, { guide: advanceGuide(before.guide, event, procedure).state })
}

async function assetOf(
  tx: Transaction,
  slots: Slots,
  memory: TurnMemory,
): Promise<{ readonly id: string; readonly name: string } | null> {
  if (slots.asset !== undefined) return oneOf(await findAsset(tx, slots.asset), 'asset', slots.asset)
  const order = memory.workOrder === null ? null : await findRow(tx, 'work_order', memory.workOrder)
  return order?.assetId ? await findRow(tx, 'asset', order.assetId) : null
}
