/**
 * A small, realistic field-service day at one site: what `--seed-sample` puts into an empty centre, so that the first turn has
 * something to be about. Ids are stable, so that seeding twice changes nothing.
 */
import type { ContextTable, RowOf } from '../../shared/context/tables.ts'
import type { JsonObject } from '../../shared/json.ts'

export interface SampleRow {
  readonly table: ContextTable
  readonly key: string
  readonly body: JsonObject
}

const row = <T extends ContextTable>(table: T, key: string, body: RowOf<T>): SampleRow => ({
  table,
  key,
  body,
})

// One line an asset: id, tag, name, kind, location, other names.
const ASSETS: readonly (readonly [string, string, string, string, string, readonly string[]])[] = [
  [
    'asset-p101',
    'P-101',
    'feed water pump one',
    'pump',
    'boiler house, ground floor',
    ['pump one', 'feed pump one'],
  ],
  [
    'asset-p102',
    'P-102',
    'feed water pump two',
    'pump',
    'boiler house, ground floor',
    ['pump two', 'feed pump two'],
  ],
  ['asset-p205', 'P-205', 'cooling water pump', 'pump', 'pump room', ['cooling pump']],
  ['asset-b1', 'B-1', 'steam boiler one', 'boiler', 'boiler house', ['boiler one', 'main boiler']],
  ['asset-b2', 'B-2', 'steam boiler two', 'boiler', 'boiler house', ['boiler two', 'standby boiler']],
  ['asset-ch1', 'CH-1', 'north chiller', 'chiller', 'roof, north', ['chiller one']],
  ['asset-ch2', 'CH-2', 'south chiller', 'chiller', 'roof, south', ['chiller two']],
  [
    'asset-g1',
    'G-1',
    'emergency generator',
    'generator',
    'generator hall',
    ['diesel generator', 'backup generator'],
  ],
  [
    'asset-ahu3',
    'AHU-3',
    'air handler three',
    'air handler',
    'level three, plant room',
    ['air handling unit three'],
  ],
  ['asset-ct1', 'CT-1', 'cooling tower', 'cooling tower', 'roof, west', ['tower']],
  ['asset-c7', 'C-7', 'air compressor', 'compressor', 'workshop', ['compressor seven']],
  [
    'asset-hx4',
    'HX-4',
    'plate heat exchanger',
    'heat exchanger',
    'pump room',
    ['heat exchanger', 'exchanger four'],
  ],
]

const PEOPLE: readonly (readonly [string, string, string, string])[] = [
  ['person-amara', 'Amara Okafor', 'field technician', '+1 555 0101'],
  ['person-jonas', 'Jonas Weber', 'field technician', '+1 555 0102'],
  ['person-mei', 'Mei Tanaka', 'refrigeration specialist', '+1 555 0103'],
  ['person-luis', 'Luis Ferreira', 'electrician', '+1 555 0104'],
  ['person-ruth', 'Ruth Adler', 'supervisor', '+1 555 0105'],
  ['person-sam', 'Sam Nkosi', 'storekeeper', '+1 555 0106'],
]

const PARTS: readonly (readonly [string, string, number, string, readonly string[]])[] = [
  ['4410', 'mechanical seal', 6, 'piece', ['pump seal', 'seal kit']],
  ['4411', 'pump bearing', 8, 'piece', ['bearing']],
  ['4412', 'shaft coupling', 3, 'piece', ['coupling']],
  ['4420', 'impeller', 2, 'piece', ['pump impeller']],
  ['5101', 'burner nozzle', 4, 'piece', ['nozzle']],
  ['5102', 'ignition electrode', 5, 'piece', ['electrode', 'igniter']],
  ['5103', 'flame sensor', 3, 'piece', ['flame detector']],
  ['5110', 'gauge glass', 7, 'piece', ['sight glass']],
  ['5111', 'safety valve', 2, 'piece', ['relief valve']],
  ['6001', 'air filter', 24, 'piece', ['filter']],
  ['6002', 'oil filter', 12, 'piece', []],
  ['6003', 'fuel filter', 10, 'piece', ['diesel filter']],
  ['6010', 'drive belt', 9, 'piece', ['fan belt', 'belt']],
  ['6020', 'refrigerant cylinder', 4, 'cylinder', ['refrigerant']],
  ['6021', 'expansion valve', 2, 'piece', []],
  ['7001', 'door gasket', 15, 'piece', ['gasket']],
  ['7002', 'pressure gauge', 6, 'piece', ['gauge']],
  ['7003', 'temperature sensor', 11, 'piece', ['thermocouple', 'temperature probe']],
  ['8001', 'starter battery', 2, 'piece', ['battery']],
  ['8002', 'coolant hose', 5, 'piece', ['hose']],
]

type StepLine = readonly [text: string, quantity?: string, unit?: string]
const PROCEDURES: readonly (readonly [string, string, string, readonly StepLine[]])[] = [
  [
    'proc-seal',
    'Replace a pump seal',
    'pump',
    [
      ['Stop the pump and lock out its supply at the isolator.'],
      ['Close the suction and discharge valves, then open the drain.'],
      ['Check that the casing holds no pressure and record the pressure.', 'pressure', 'bar'],
      ['Remove the coupling guard and part the coupling.'],
      ['Draw the back cover and take out the worn seal.'],
      ['Clean the seal faces and the shaft, and look for scoring.'],
      ['Fit the new mechanical seal, square and dry, and refit the cover.'],
      ['Join the coupling and record the alignment.', 'alignment', 'millimetres'],
      ['Open the valves, vent the casing, and take the lock off.'],
      ['Run the pump for five minutes and record the discharge pressure.', 'discharge pressure', 'bar'],
    ],
  ],
  [
    'proc-boiler',
    'Monthly boiler check',
    'boiler',
    [
      ['Put on gloves and eye protection, and tell the control room.'],
      ['Blow down the gauge glass and see that the level returns.'],
      ['Record the steam pressure.', 'pressure', 'bar'],
      ['Record the flue gas temperature.', 'temperature', 'degrees'],
      ['Lift the safety valve by its lever and see that it closes again.'],
      ['Test the low water cut-out: the burner must stop.'],
      ['Clean the flame sensor and look at the electrodes.'],
      ['Sign the boiler log and tell the control room.'],
    ],
  ],
  [
    'proc-chiller',
    'Chiller start-up',
    'chiller',
    [
      ['Check that the crankcase heater has been on for a day.'],
      ['Open the evaporator and condenser water valves.'],
      ['Start the cooling water pump and record the flow.', 'flow', 'litres per second'],
      ['Check the oil level in the compressor sight glass.'],
      ['Start the chiller and listen for the first minute.'],
      ['After ten minutes record the suction pressure.', 'suction pressure', 'bar'],
      ['Record the leaving water temperature.', 'temperature', 'degrees'],
    ],
  ],
  [
    'proc-generator',
    'Generator load test',
    'generator',
    [
      ['Tell the building that a test begins, and check the fuel level.'],
      ['Check the coolant, the oil and the battery terminals.'],
      ['Record the battery voltage.', 'voltage', 'volts'],
      ['Start the generator without load and let it warm up for five minutes.'],
      ['Transfer the load and record the current.', 'current', 'amps'],
      ['Run for thirty minutes, transfer back, and let it cool down.'],
    ],
  ],
]

type OrderLine = readonly [
  number: string,
  title: string,
  assetId: string,
  priority: RowOf<'work_order'>['priority'],
  status: RowOf<'work_order'>['status'],
  assigneeId: string | null,
  procedureId: string | null,
  description: string,
]
const ORDERS: readonly OrderLine[] = [
  [
    '427',
    'Replace leaking pump seal',
    'asset-p101',
    'high',
    'open',
    'person-amara',
    'proc-seal',
    'Water at the coupling guard, about a cup an hour.',
  ],
  [
    '428',
    'Monthly check of boiler one',
    'asset-b1',
    'normal',
    'open',
    'person-amara',
    'proc-boiler',
    'Due this week.',
  ],
  [
    '429',
    'Start the north chiller for the season',
    'asset-ch1',
    'normal',
    'open',
    'person-mei',
    'proc-chiller',
    'Heater on since Monday.',
  ],
  [
    '430',
    'Load test of the emergency generator',
    'asset-g1',
    'normal',
    'on_hold',
    'person-luis',
    'proc-generator',
    'Waits for the building’s consent.',
  ],
  [
    '431',
    'Vibration at feed water pump two',
    'asset-p102',
    'high',
    'in_progress',
    'person-jonas',
    null,
    'Readings rose over three weeks.',
  ],
  [
    '432',
    'Low flow in cooling water',
    'asset-p205',
    'urgent',
    'open',
    'person-amara',
    null,
    'Flow alarm twice last night.',
  ],
  [
    '433',
    'Change filters in air handler three',
    'asset-ahu3',
    'low',
    'open',
    'person-jonas',
    null,
    'Pressure drop above limit.',
  ],
  [
    '434',
    'Scale in the heat exchanger',
    'asset-hx4',
    'normal',
    'open',
    null,
    null,
    'Approach temperature rose by four degrees.',
  ],
  [
    '435',
    'Flame failure on boiler two',
    'asset-b2',
    'urgent',
    'in_progress',
    'person-luis',
    null,
    'Locked out three times.',
  ],
  [
    '436',
    'Oil change on the air compressor',
    'asset-c7',
    'low',
    'open',
    'person-jonas',
    null,
    'At 4,000 hours.',
  ],
  [
    '437',
    'Fan noise at the cooling tower',
    'asset-ct1',
    'normal',
    'open',
    null,
    null,
    'Reported by the neighbours.',
  ],
  [
    '438',
    'Refrigerant leak test of the south chiller',
    'asset-ch2',
    'high',
    'open',
    'person-mei',
    null,
    'Charge low by two kilograms.',
  ],
  [
    '501',
    'Replace the pressure gauge on boiler one',
    'asset-b1',
    'low',
    'open',
    null,
    null,
    'Needle sticks.',
  ],
  [
    '502',
    'Fit a new door gasket on boiler two',
    'asset-b2',
    'normal',
    'on_hold',
    'person-luis',
    null,
    'Part on order.',
  ],
  [
    '419',
    'Replace the battery of the emergency generator',
    'asset-g1',
    'high',
    'closed',
    'person-luis',
    null,
    'Done; old battery recycled.',
  ],
]

const OPENED_AT = '2026-11-16T07:00:00.000Z'
const CLOSED_AT = '2026-11-18T15:20:00.000Z'

export const SAMPLE_DATA: readonly SampleRow[] = [
  ...ASSETS.map(([id, tag, name, kind, location, aliases]) =>
    row('asset', id, { tag, name, kind, location, aliases: [...aliases] }),
  ),
  ...PEOPLE.map(([id, name, role, phone]) => row('person', id, { name, role, phone })),
  ...PARTS.map(([number, name, stock, unit, aliases]) =>
    row('part', `part-${number}`, { number, name, stock, unit, aliases: [...aliases] }),
  ),
  ...PROCEDURES.flatMap(([id, title, assetKind, steps]) => [
    row('procedure', id, { title, assetKind, revision: 1 }),
    ...steps.map(([text, quantity, unit], at) =>
      row('step', `${id}-${at + 1}`, {
        procedureId: id,
        number: at + 1,
        text,
        evidence: quantity === undefined || unit === undefined ? null : { quantity, unit },
      }),
    ),
  ]),
  ...ORDERS.map(([number, title, assetId, priority, status, assigneeId, procedureId, description]) =>
    row('work_order', `wo-${number}`, {
      number,
      title,
      assetId,
      status,
      priority,
      assigneeId,
      procedureId,
      description,
      openedAt: OPENED_AT,
      closedAt: status === 'closed' ? CLOSED_AT : null,
    }),
  ),
]
