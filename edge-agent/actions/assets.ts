/** What the device knows of an asset: where it stands, its open work, its last readings. */
import * as v from 'valibot'
import { findAsset, openOrdersOf, readingsOf } from '../context/reads.ts'
import type { FieldAction } from '../turn/ports.ts'
import { fieldPerformer, type FieldParts } from './field-performer.ts'
import { oneOf } from './named.ts'

const AssetSlots = v.object({ asset: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) })
type Facts = {
  readonly name: string
  readonly tag: string
  readonly location: string
  readonly openOrders: readonly { readonly number: string; readonly title: string }[]
  readonly readings: readonly { readonly quantity: string; readonly value: number; readonly unit: string }[]
}

export function lookUpAsset(parts: FieldParts, slots: { readonly asset?: unknown }): FieldAction {
  return {
    resource: { type: 'asset', id: typeof slots.asset === 'string' ? slots.asset.slice(0, 100) : 'unnamed' },
    performer: fieldPerformer(
      parts,
      'asset.look_up',
      AssetSlots,
      async ({ tx }, { asset }): Promise<Facts> => {
        const found = oneOf(await findAsset(tx, asset), 'asset', asset)
        const orders = await openOrdersOf(tx, found.id)
        const readings = await readingsOf(tx, found.id)
        return {
          name: found.name,
          tag: found.tag,
          location: found.location,
          openOrders: orders.map(({ number, title }) => ({ number, title })),
          readings: readings.map(({ quantity, value, unit }) => ({ quantity, value, unit })),
        }
      },
    ),
    say: (output) => {
      const { name, tag, location, openOrders, readings } = output as Facts
      const [order] = openOrders
      const [reading] = readings
      const work = order === undefined ? 'No open work.' : `Open work: ${order.number}, ${order.title}.`
      const last =
        reading === undefined ? '' : ` Last reading: ${reading.quantity} ${reading.value} ${reading.unit}.`
      return `${name}, ${tag}, ${location}. ${work}${last}`
    },
  }
}
