/** Whatever a device's records say, the centre goes on: a write is applied, in conflict or rejected, and never stops the ingest. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { applyWrite } from '../../../control-plane/context/apply-write.ts'
import { CONTEXT_TABLES } from '../../../shared/context/tables.ts'
import { parseDeviceId, uuidV7 } from '../../../shared/ids.ts'
import { JournalBodySchema, type WriteBody } from '../../../shared/journal/record.ts'
import * as v from 'valibot'
import { fillCentre, openCentres, site, tenant, WORK_ORDER } from './stage.ts'

const SEED = Number(process.env['SEED'] ?? 20_260_602)
const RUNS = Number(process.env['BATCHES'] ?? 120)

let opened: Awaited<ReturnType<typeof openCentres>>
beforeAll(async () => {
  opened = await openCentres()
})
afterAll(async () => await opened.close())

const random = fc.uint8Array({ minLength: 10, maxLength: 10 })
const id = fc.tuple(fc.nat(), random).map(([ms, bytes]) => uuidV7(ms, bytes))
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '{}',
    '[]',
    'null',
    '1e999',
    '{"status":1e999}',
    '{"status":"\\u0000"}',
    '{"__proto__":1}',
  ),
)
const column = fc.oneof(
  fc.constantFrom(
    'status',
    'closedAt',
    'priority',
    'description',
    'stock',
    'aliases',
    'withdrawn',
    'choice',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const value = fc.oneof(
  fc.constantFrom('closed', 'open', 'low', null, true, 1, -1, 2 ** 40, 0.5, '2026-06-01T00:00:00.000Z'),
  fc.string({ unit: 'binary', maxLength: 5_000 }),
  fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 25 }),
  fc.jsonValue({ maxDepth: 3 }),
)
const patch = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.dictionary(column, value, { maxKeys: 4 }).map((values) => JSON.stringify(values)),
  },
  { weight: 1, arbitrary: nasty },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      JSON.stringify({ status: 'closed', closedAt: null }),
      JSON.stringify(WORK_ORDER),
      '{"stock":-1}',
      '{"aliases":["x"]}',
      '{"choice":"ours"}',
    ),
  },
)
/** Right in form, and of texts that are as long and as odd as may be: the way to conflicts. */
const wellFormed: fc.Arbitrary<WriteBody> = fc
  .tuple(
    id,
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4_000 }),
      fc.constantFrom('\u0001'.repeat(4_000), '語'.repeat(4_000)),
    ),
    fc.nat(),
  )
  .map(([of, description, stampMs]) => ({
    kind: 'write',
    of,
    table: 'work_order',
    key: 'wo-1',
    patch: JSON.stringify({ description }),
    baseVersion: 3,
    base: JSON.stringify({ description: WORK_ORDER.description }),
    stampMs,
    sinceMs: stampMs,
  }))
const anyBody: fc.Arbitrary<WriteBody> = fc.record(
  {
    kind: fc.constant('write' as const),
    of: id,
    table: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...CONTEXT_TABLES) },
      { weight: 1, arbitrary: nasty },
    ),
    key: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('wo-1', 'wo-2', 'seal-9', 'pump-1') },
      { weight: 1, arbitrary: nasty },
    ),
    patch,
    baseVersion: fc.oneof(fc.constantFrom(0, 1, 3, 5, -1, 0.5, Number.MAX_SAFE_INTEGER), fc.double()),
    base: patch,
    stampMs: fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER)),
    sinceMs: fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER)),
    dependsOn: fc.array(id, { maxLength: 2 }),
    undoes: id,
  },
  { requiredKeys: ['kind', 'of', 'table', 'key', 'patch', 'baseVersion'] },
)
const body = fc.oneof({ weight: 4, arbitrary: anyBody }, { weight: 1, arbitrary: wellFormed })

it('never throws, over either database', async () => {
  const met = new Set<string>()
  for (const centre of opened.centres) await fillCentre(centre)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(id, fc.nat(2), body), { maxLength: 8 }), async (records) => {
      for (const [recordId, device, one] of records) {
        // What breaks the record's own schema is refused with its segment, before anything is applied.
        if (!v.is(JournalBodySchema, one)) continue
        const writer = { tenant, site, device: parseDeviceId(`van-${device}`) }
        const outcomes = await Promise.all(
          opened.centres.map(async (centre) =>
            centre.transaction(async (tx) => await applyWrite(tx, writer, { id: recordId, body: one })),
          ),
        )
        const kinds = outcomes.map((outcome) => (outcome.kind === 'rejected' ? outcome.code : outcome.kind))
        expect(new Set(kinds).size).toBe(1)
        for (const kind of kinds) met.add(kind)
      }
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  )
  process.stdout.write(`SEED=${SEED} BATCHES=${RUNS} met ${[...met].sort().join(', ')}\n`)
  expect([...met]).toEqual(
    expect.arrayContaining(['applied', 'conflict', 'schema', 'forbidden', 'dependency', 'missing_row']),
  )
}, 120_000)
