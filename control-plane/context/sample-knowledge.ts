/** What is known at the sample site beside its daily work: its manuals, and how its things, people and rules hang together. */
import { readFileSync } from 'node:fs'
import type { RowOf } from '../../shared/context/tables.ts'
import { invariant } from '../../shared/errors.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { joinByKeys, type IdentityKey } from './identity-keys.ts'
import type { SampleRow } from './sample-data.ts'

const BEGUN = '2026-01-05T00:00:00.000Z'

type Times = Partial<Pick<RowOf<'document'>, 'validFrom' | 'validTo' | 'recordedAt' | 'retractedAt'>>
interface Standing extends Times {
  readonly dataClass?: RowOf<'document'>['dataClass']
  readonly readers?: readonly string[]
}

/** Holds, and is known, since the site began, unless it says otherwise. */
function statement(standing: Standing, source: { readonly system: string; readonly record: string }) {
  const { readers = [], ...rest } = standing
  return {
    validFrom: BEGUN,
    validTo: null,
    recordedAt: BEGUN,
    retractedAt: null,
    dataClass: 'internal' as const,
    ...rest,
    readers: [...readers],
    sources: [source],
  }
}

const MANUALS: readonly (readonly [file: string, kind: RowOf<'document'>['kind'], standing: Standing])[] = [
  ['feed-water-pump', 'manual', {}],
  ['steam-boiler', 'manual', {}],
  ['chiller', 'manual', {}],
  ['generator', 'manual', {}],
  ['cooling-tower', 'manual', {}],
  ['compressor', 'manual', {}],
  ['isolation', 'safety', {}],
  ['confined-spaces', 'safety', {}],
  [
    'water-softener-bulletin',
    'bulletin',
    { validFrom: '2026-03-02T00:00:00.000Z', recordedAt: '2026-03-02T00:00:00.000Z' },
  ],
  // A misprint, and what took its place: “as of” June still gives what was believed in June.
  [
    'torque-bulletin-first',
    'bulletin',
    {
      validFrom: '2026-05-04T00:00:00.000Z',
      recordedAt: '2026-05-04T00:00:00.000Z',
      retractedAt: '2026-07-06T00:00:00.000Z',
    },
  ],
  [
    'torque-bulletin',
    'bulletin',
    { validFrom: '2026-05-04T00:00:00.000Z', recordedAt: '2026-07-06T00:00:00.000Z' },
  ],
  ['incident-report', 'report', { dataClass: 'restricted', readers: ['supervisor'] }],
]

type NodeLine = readonly [
  id: string,
  kind: RowOf<'node'>['kind'],
  name: string,
  system: string,
  properties?: RowOf<'node'>['properties'],
]
const NODES: readonly NodeLine[] = [
  ['asset-p101', 'asset', 'feed water pump one', 'maintenance', { plate: 'P-101' }],
  ['asset-p102', 'asset', 'feed water pump two', 'maintenance', { plate: 'P-102' }],
  ['asset-b1', 'asset', 'steam boiler one', 'maintenance', { pressureBar: 10 }],
  ['asset-b2', 'asset', 'steam boiler two', 'maintenance', { pressureBar: 10 }],
  ['asset-ch1', 'asset', 'north chiller', 'maintenance'],
  ['asset-ch2', 'asset', 'south chiller', 'maintenance'],
  ['asset-ct1', 'asset', 'cooling tower', 'maintenance'],
  ['asset-p205', 'asset', 'cooling water pump', 'maintenance'],
  ['asset-g1', 'asset', 'emergency generator', 'maintenance', { powerKw: 300 }],
  ['scada-fwp-1', 'system', 'SCADA point FWP_1', 'scada', { tag: 'p-101' }],
  ['ledger-88213', 'asset', 'fixed asset 88213', 'ledger', { inventory: 'P-101', bookedEur: 18_400 }],
  ['place-boiler-house', 'place', 'boiler house', 'buildings'],
  ['place-roof', 'place', 'roof', 'buildings'],
  ['process-steam', 'process', 'steam supply of the laundry', 'quality'],
  ['process-cooling', 'process', 'cooling of the data room', 'quality'],
  ['team-heat', 'team', 'heat and steam', 'directory'],
  ['team-cold', 'team', 'refrigeration', 'directory'],
  ['person-amara', 'person', 'Amara Okafor', 'directory'],
  ['person-mei', 'person', 'Mei Tanaka', 'directory'],
  ['person-jonas', 'person', 'Jonas Weber', 'directory'],
  ['rule-two-people', 'rule', 'Two people open a refrigerant circuit', 'quality', { since: 'audit of 2025' }],
  ['rule-boiler-log', 'rule', 'A boiler is looked at every shift', 'quality'],
  [
    'document-pump',
    'document',
    'manual of the feed water pumps',
    'library',
    { row: 'document-feed-water-pump' },
  ],
]

type EdgeLine = readonly [
  from: string,
  kind: RowOf<'edge'>['kind'],
  to: string,
  system: string,
  standing?: Standing,
]
const MARCH = '2026-03-01T00:00:00.000Z'
const EDGES: readonly EdgeLine[] = [
  ['asset-b1', 'depends_on', 'asset-p101', 'maintenance'],
  ['asset-b2', 'depends_on', 'asset-p102', 'maintenance'],
  ['process-steam', 'depends_on', 'asset-b1', 'quality'],
  ['process-steam', 'depends_on', 'asset-b2', 'quality'],
  ['process-cooling', 'depends_on', 'asset-ch1', 'quality'],
  ['process-cooling', 'depends_on', 'asset-ch2', 'quality'],
  ['asset-ch1', 'depends_on', 'asset-ct1', 'maintenance'],
  ['asset-ch2', 'depends_on', 'asset-ct1', 'maintenance'],
  ['asset-ct1', 'depends_on', 'asset-p205', 'maintenance'],
  ['asset-p205', 'depends_on', 'asset-g1', 'maintenance'],
  ['asset-b1', 'located_in', 'place-boiler-house', 'buildings'],
  ['asset-b2', 'located_in', 'place-boiler-house', 'buildings'],
  ['asset-p101', 'located_in', 'place-boiler-house', 'buildings'],
  ['asset-ch1', 'located_in', 'place-roof', 'buildings'],
  ['asset-ct1', 'located_in', 'place-roof', 'buildings'],
  // The pumps changed hands in March.
  ['team-cold', 'owns', 'asset-p101', 'directory', { validTo: MARCH }],
  [
    'team-heat',
    'owns',
    'asset-p101',
    'directory',
    { validFrom: MARCH, recordedAt: '2026-03-03T00:00:00.000Z' },
  ],
  ['team-heat', 'owns', 'asset-b1', 'directory'],
  ['team-heat', 'owns', 'asset-b2', 'directory'],
  ['team-cold', 'owns', 'asset-ch1', 'directory'],
  ['team-cold', 'owns', 'asset-ct1', 'directory'],
  ['person-amara', 'member_of', 'team-heat', 'directory'],
  ['person-jonas', 'member_of', 'team-heat', 'directory'],
  ['person-mei', 'member_of', 'team-cold', 'directory'],
  ['asset-ch1', 'governed_by', 'rule-two-people', 'quality'],
  ['asset-b1', 'governed_by', 'rule-boiler-log', 'quality'],
  ['asset-p101', 'described_by', 'document-pump', 'library'],
  ['asset-p101', 'changed_by', 'person-amara', 'maintenance', { validFrom: '2026-02-14T00:00:00.000Z' }],
  ['asset-ch1', 'changed_by', 'person-mei', 'maintenance', { validFrom: '2026-04-20T00:00:00.000Z' }],
]

/** What each system writes on a thing that all of them know. */
const KEYS: readonly IdentityKey[] = [
  { system: 'maintenance', property: 'plate', names: 'plate' },
  { system: 'scada', property: 'tag', names: 'plate' },
  { system: 'ledger', property: 'inventory', names: 'plate' },
]

function sameThings(): readonly EdgeLine[] {
  const records = NODES.map(([node, , , system, properties = {}]) => ({ system, node: { node, properties } }))
  return joinByKeys(records, KEYS).map(({ from, to }) => [from, 'same_as', to, 'identity keys'] as const)
}

function manual(file: string): { readonly title: string; readonly text: string } {
  const [first = '', ...rest] = readFileSync(
    new URL(`control-plane/context/manuals/${file}.md`, packageRoot()),
    'utf8',
  ).split('\n')
  invariant(first.startsWith('# '), `${file}.md begins with its title`)
  return { title: first.slice(2), text: rest.join('\n').trim() }
}

export function sampleKnowledge(): readonly SampleRow[] {
  return [
    ...MANUALS.map(([file, kind, standing]) => {
      const body: RowOf<'document'> = {
        ...manual(file),
        kind,
        ...statement(standing, { system: 'library', record: file }),
      }
      return { table: 'document' as const, key: `document-${file}`, body }
    }),
    ...NODES.map(([id, kind, name, system, properties = {}]) => {
      const body: RowOf<'node'> = {
        node: id,
        kind,
        name,
        aliases: [],
        properties,
        ...statement({}, { system, record: id }),
      }
      return { table: 'node' as const, key: `node-${id}`, body }
    }),
    ...[...EDGES, ...sameThings()].map(([from, kind, to, system, standing = {}]) => {
      const record = `${from}/${kind}/${to}`
      const body: RowOf<'edge'> = {
        from,
        kind,
        to,
        properties: {},
        ...statement(standing, { system, record }),
      }
      return { table: 'edge' as const, key: `edge-${from}-${kind}-${to}`, body }
    }),
  ]
}
