import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../../shared/json.ts'
import { openDatabase } from '../../../shared/sql/open-database.ts'
import type { Database, SqlValue } from '../../../shared/sql/port.ts'
import { dataFolder } from '../../support/data-folder.ts'

let db: Database
let remove: () => Promise<void>
beforeAll(async () => {
  const folder = await dataFolder('sql-values')
  db = await openDatabase({ dir: folder.path })
  remove = async () => {
    await db.close()
    await folder.remove()
  }
})
afterAll(async () => await remove())

async function cast(type: string, value: SqlValue): Promise<unknown> {
  const [row] = await db.query(`select $1::${type} as value`, [value])
  return row?.['value']
}

/** Type, what is sent, what arrives. */
const CASES: readonly (readonly [string, SqlValue, SqlValue])[] = [
  ['text', 'Grüße 🔧', 'Grüße 🔧'],
  ['text', '', ''],
  ['text', null, null],
  ['text', 12, '12'],
  ['bool', true, true],
  ['bool', false, false],
  ['int2', -32_768, -32_768],
  ['int4', 2_147_483_647, 2_147_483_647],
  ['int8', 2 ** 53 - 1, 2 ** 53 - 1],
  ['int8', 2n ** 53n, '9007199254740992'],
  ['int8', 9_223_372_036_854_775_807n, '9223372036854775807'],
  ['int8', -9_223_372_036_854_775_808n, '-9223372036854775808'],
  ['float8', 0.1, 0.1],
  ['float8', 5e-324, 5e-324],
  ['float8', Infinity, Infinity],
  ['float8', NaN, NaN],
  ['float8', -0, -0],
  ['numeric', 12.5, 12.5],
  ['numeric', '123456789012345', 123_456_789_012_345],
  ['numeric', '0.1234567890123456789', '0.1234567890123456789'],
  ['numeric', 'NaN', 'NaN'],
  ['uuid', '01890A5D-AC96-774B-BCCE-B302099A8057', '01890a5d-ac96-774b-bcce-b302099a8057'],
  ['date', '2026-02-28', '2026-02-28'],
  ['timestamptz', '2026-02-28T23:30:00+02:00', '2026-02-28T21:30:00Z'],
  ['timestamptz', '2026-02-28T21:30:00.123456Z', '2026-02-28T21:30:00.123456Z'],
  ['timestamptz', 'infinity', 'infinity'],
  ['timestamp', '2026-02-28 21:30:00', '2026-02-28T21:30:00'],
  ['interval', '1 day 2 hours', 'P1DT2H'],
  ['bytea', new Uint8Array(0), new Uint8Array(0)],
  ['bytea', Uint8Array.of(0, 255, 92, 39), Uint8Array.of(0, 255, 92, 39)],
  ['text', new TextEncoder().encode('bytes of text'), 'bytes of text'],
  ['jsonb', { b: [1, null, 'x'], a: {} }, { b: [1, null, 'x'], a: {} }],
  ['json', [1, 2], [1, 2]],
  ['jsonb', '{"already":"text"}', { already: 'text' }],
  ['jsonb', 7, 7],
  ['jsonb', null, null],
  ['jsonb', 'null', null],
  ['text', { a: 1 }, '{"a":1}'],
  ['int4[]', [1, null, 3], [1, null, 3]],
  ['int4[]', [], []],
  [
    'int4[]',
    [
      [1, 2],
      [3, 4],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['text[]', ['NULL', '', 'a "b" \\ {c},d', null], ['NULL', '', 'a "b" \\ {c},d', null]],
  ['bool[]', [true, false, null], [true, false, null]],
  ['int8[]', [1, '9223372036854775807'], [1, '9223372036854775807']],
  ['timestamptz[]', ['2026-02-28T21:30:00Z'], ['2026-02-28T21:30:00Z']],
  ['jsonb[]', [{ a: 1 }, [2]], [{ a: 1 }, [2]]],
]

describe('values', () => {
  it.each(CASES.map(([type, sent, arrives]) => ({ type, sent, arrives, shown: inspect(sent) })))(
    '$type holds $shown',
    async ({ type, sent, arrives }) => {
      expect(await cast(type, sent)).toStrictEqual(arrives)
    },
  )

  it('keeps the bytes of an array of bytea', async () => {
    const list = [Uint8Array.of(1, 2), new Uint8Array(0)] as unknown as SqlValue
    expect(await cast('bytea[]', list)).toStrictEqual([Uint8Array.of(1, 2), new Uint8Array(0)])
  })

  it('keeps the elements of an array whose bounds do not start at one', async () => {
    expect(await db.query(`select '[0:1]={7,8}'::int4[] as value`)).toEqual([{ value: [7, 8] }])
  })

  it('hands out bytes that do not keep the whole answer alive', async () => {
    const value = await cast('bytea', Uint8Array.of(1, 2, 3))
    expect(value).toBeInstanceOf(Uint8Array)
    expect((value as Uint8Array).buffer.byteLength).toBe(3)
  })

  it('refuses bytes that are no text for a parameter of text', async () => {
    await expect(cast('text', Uint8Array.of(0xff))).rejects.toMatchObject({ sqlState: '22021' })
  })

  it('refuses JSON text that is none', async () => {
    await expect(cast('jsonb', '{"open":')).rejects.toMatchObject({ sqlState: '22P02' })
  })
})

describe('any value', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 }).map((value) => value.replaceAll('\0', ''))
  // A string is taken for JSON text; json knows no difference between 0 and -0.
  const json = fc
    .jsonValue({ maxDepth: 4 })
    .map((value) => ({ value: JSON.parse(JSON.stringify(value)) as Json }))
  const bytes = fc.uint8Array({ maxLength: 5_000 }).map((value) => new Uint8Array(value))

  it.each<[string, fc.Arbitrary<SqlValue>]>([
    ['text', text],
    ['bytea', bytes],
    ['text[]', fc.array(fc.option(text), { maxLength: 20 })],
    ['float8', fc.double()],
    ['float8[]', fc.array(fc.double(), { maxLength: 20 })],
    ['json', json],
    ['jsonb[]', fc.array(json, { maxLength: 10 })],
  ])('of %s comes back as it was', async (type, values) => {
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        expect(await cast(type, value)).toStrictEqual(value)
      }),
    )
  })

  it('of int8 comes back as a number, or as text where a number would be another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (value) => {
        const back = await cast('int8', value)
        expect(BigInt(back as number | string)).toBe(value)
        expect(typeof back).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'string')
      }),
    )
  })
})
