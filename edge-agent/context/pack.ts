/** Gathers a turn's context pack from the copy and the index, as an effect: what went into it is in the record, by digest and ids. */
import * as v from 'valibot'
import { classRank } from '../../shared/context/data-class.ts'
import type { ContextTable } from '../../shared/context/tables.ts'
import type { JsonObject } from '../../shared/json.ts'
import { redeem } from '../../shared/kernel/admitted.ts'
import type { DataClass, ExternalPerformer } from '../../shared/kernel/contract.ts'
import { StarlingError } from '../../shared/errors.ts'
import { searchIndex } from '../search/hybrid.ts'
import { indexRoute } from '../search/index-effect.ts'
import { clearanceFor, rightsOf, type Rights } from '../search/rights.ts'
import { readyVectors } from '../search/vectors.ts'
import { packContext, PACK_BUDGET_BYTES, type ContextPack, type PackItem } from '../turn/context-pack.ts'
import { findProcedure, findRow, openOrdersOf } from './reads.ts'
import type { QuestionParts } from './questions.ts'

export class PackBroken extends StarlingError {
  override readonly code = 'pack_broken'
}

/** What is found of what was said. */
const FOUND = 4
/** Of work orders, assets and procedures. */
const CLASS_OF_WORK: DataClass = 'internal'
/** Orders beside the one in hand. */
const ORDERS = 3

const InputSchema = v.object({
  text: v.string(),
  workOrder: v.nullable(v.string()),
  procedureId: v.nullable(v.string()),
  step: v.nullable(v.number()),
})
type PackInput = v.InferOutput<typeof InputSchema>

export interface PackParts {
  readonly performer: ExternalPerformer<JsonObject, ContextPack>
  /** The most sensitive class that the caller may be given. */
  clearance(): DataClass
}

const ACTION = 'context.pack'

export function packPerformer(parts: QuestionParts): ExternalPerformer<JsonObject, ContextPack> {
  return {
    kind: 'external',
    action: ACTION,
    accepts: InputSchema,
    route: () => indexRoute(null),
    perform: async (admitted) => {
      const { request } = redeem(admitted, ACTION)
      const input = v.parse(InputSchema, request.input)
      const rights = rightsOf(request)
      const inHand = await workInHand(parts, input, rights)
      const found = input.text.trim() === '' ? [] : await foundItems(parts, input.text, rights)
      return packContext([...inHand, ...found], PACK_BUDGET_BYTES)
    },
    check: ({ sizeBytes, text }) => {
      if (sizeBytes > PACK_BUDGET_BYTES || Buffer.byteLength(text) !== sizeBytes)
        throw new PackBroken(`a context pack has ${sizeBytes} bytes, and may have ${PACK_BUDGET_BYTES}`, {
          remedy: 'This is a fault in Starling: report it.',
        })
    },
    resolve: async () => 'did_not_take_place',
  }
}

export function contextPack(parts: QuestionParts): PackParts {
  const resource = { type: 'context', id: 'turn' }
  return {
    performer: packPerformer(parts),
    clearance: () =>
      clearanceFor(
        parts.policy(),
        { principal: parts.principal, action: ACTION, resource },
        { route: indexRoute(null), nowMs: parts.clock.nowMs() },
      ),
  }
}

async function workInHand(
  { db }: QuestionParts,
  input: PackInput,
  { clearance }: Rights,
): Promise<readonly PackItem[]> {
  if (classRank(clearance) < classRank(CLASS_OF_WORK)) return []
  const items: PackItem[] = []
  const order = input.workOrder === null ? null : await findRow(db, 'work_order', input.workOrder)
  const asset = order?.assetId == null ? null : await findRow(db, 'asset', order.assetId)
  if (order !== null)
    items.push(
      row('work_order', 'work_order', order.id, `${order.number} ${order.title}. ${order.description}`),
    )
  if (asset !== null) {
    items.push(row('asset', 'asset', asset.id, `${asset.name}, ${asset.tag}, ${asset.location}`))
    const others = (await openOrdersOf(db, asset.id)).filter(({ id }) => id !== order?.id).slice(0, ORDERS)
    for (const [at, { id, number, title }] of others.entries())
      items.push({ ...row('work_order', 'work_order', id, `${number} ${title}`), rank: at + 1 })
  }
  const procedure = input.procedureId === null ? null : await findProcedure(db, input.procedureId)
  const step = procedure?.steps[input.step ?? -1]
  if (procedure !== null && step !== undefined)
    items.push(
      row('step', 'procedure', procedure.id, `${procedure.title}, step ${step.number}: ${step.text}`),
    )
  return items
}

function row(kind: PackItem['kind'], table: ContextTable, key: string, text: string): PackItem {
  const id = `${table}/${key}`
  return { kind, id, rank: 0, text, sources: [{ system: 'starling', record: id }] }
}

async function foundItems(parts: QuestionParts, words: string, rights: Rights): Promise<readonly PackItem[]> {
  const ready = await readyVectors(parts.db, parts.embedders)
  const [vector] = (await ready?.embedder.embed([words])) ?? []
  const found = await searchIndex(parts.db, {
    words,
    meaning: ready === null || vector === undefined ? null : { vector, stamp: ready.stamp },
    rights,
    asOf: null,
    nowMs: parts.clock.nowMs(),
    limit: FOUND,
  })
  return found.map(({ id, title, heading, text, sources }, rank) => ({
    kind: 'found' as const,
    id,
    rank,
    text: [title, heading, text].filter((part) => part !== '').join('. '),
    sources,
  }))
}
