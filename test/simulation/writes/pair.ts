/** Two devices and a centre over PGlite, as new before each test. */
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database } from '../../../shared/sql/port.ts'
import type { JsonObject } from '../../../shared/json.ts'
import type { ContextTable } from '../../../shared/context/tables.ts'
import { findRow } from '../../../control-plane/context/store.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { carryUp, fillCentre, makeTables, simulatedDevice, tenant, type SimulatedDevice } from './stage.ts'

export interface Pair {
  readonly centre: Database
  readonly one: SimulatedDevice
  readonly other: SimulatedDevice
  begin(): Promise<void>
  /** Everything that the device wrote reaches the centre; what came of each, in order: an outcome, or the code of a rejection. */
  up(device: SimulatedDevice): Promise<readonly string[]>
  bodyAtCentre(table: ContextTable, key: string): Promise<JsonObject>
  close(): Promise<void>
}

export async function openPair(): Promise<Pair> {
  const folder = await dataFolder('centre')
  const centre = await openDatabase({ dir: folder.path })
  await makeTables(centre)
  const [one, other] = await Promise.all([simulatedDevice('van-1'), simulatedDevice('van-2')])
  const carried = new Map<SimulatedDevice, number>()
  return {
    centre,
    one,
    other,
    begin: async () => {
      await fillCentre(centre)
      carried.clear()
      for (const device of [one, other]) {
        await device.reset()
        await device.pull(centre)
      }
    },
    up: async (device) => {
      const records = await device.records()
      const outcomes: string[] = []
      for (const record of records.slice(carried.get(device) ?? 0)) {
        const outcome = await carryUp(centre, device.id, record)
        outcomes.push(outcome.kind === 'rejected' ? outcome.code : outcome.kind)
      }
      carried.set(device, records.length)
      return outcomes
    },
    bodyAtCentre: async (table, key) => (await findRow(centre, tenant, { table, key }))?.body ?? {},
    close: async () => {
      for (const { at } of [one, other]) await at.close()
      await centre.close()
      await folder.remove()
    },
  }
}

export const NOTE = {
  workOrderId: 'wo-1',
  assetId: null,
  text: 'it drips',
  writtenAt: '2026-06-02T10:00:00.000Z',
  writtenBy: 'amara',
  withdrawn: false,
}

export async function noted(
  device: SimulatedDevice,
): Promise<{ readonly writeId: string; readonly key: string }> {
  const writeId = await device.write('note', null, NOTE)
  const body = (await device.at.journal.find(writeId))?.body
  return { writeId, key: body?.kind === 'write' ? body.key : '' }
}
