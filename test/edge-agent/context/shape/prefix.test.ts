import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../../edge-agent/context/shape/answer.ts'
import {
  applied,
  delivered,
  lagging,
  loadBegun,
  plan,
  startProgress,
  type Progress,
} from '../../../../edge-agent/context/shape/prefix.ts'
import type { Place } from '../../../../edge-agent/context/shape/place.ts'
import { operation, SCHEMA } from './shapes.ts'

const at = (offset: string): Place => ({ handle: 'h', offset, schema: SCHEMA })
const tell = (progress: Progress, operations: readonly Operation[], upTo: bigint | null): Progress =>
  delivered(progress, {
    kind: 'deliver',
    part: 'log',
    operations,
    place: operations.length === 0 ? (progress.place ?? at('0_0')) : placeOf(operations),
    upTo,
  })
const placeOf = (operations: readonly Operation[]): Place => {
  const last = operations.at(-1)?.at
  return at(last == null ? '0_0' : `${last.lsn}_${last.op}`)
}

describe('how far tables go together', () => {
  it('C2: up to the smallest transaction that all are complete to; who lags is named', () => {
    const asset = tell(startProgress(at('3_0')), [operation(5n, 0n), operation(7n, 0n)], 9n)
    const part = tell(startProgress(at('3_0')), [], 6n)
    const tables = new Map([
      ['asset', asset],
      ['part', part],
    ])
    expect(plan(tables, null)).toEqual({
      kind: 'apply',
      lsn: 6n,
      steps: [{ table: 'asset', swap: 'no', operations: [operation(5n, 0n)], place: at('5_0') }],
    })
    expect(lagging(tables, null)).toEqual(['part'])
    const after = applied(asset, 6n)
    expect([after.pending, after.base]).toEqual([[operation(7n, 0n)], at('5_0')])
    expect(applied(tell(after, [], 9n), 9n).base).toEqual(at('7_0'))
  })

  it('waits for a table that does not know how far it is, and for the others while a load is ahead of them', () => {
    const held = tell(startProgress(at('3_0')), [operation(4n, 0n)], 4n)
    expect(
      plan(
        new Map([
          ['a', held],
          ['b', startProgress(at('1_0'))],
        ]),
        null,
      ).kind,
    ).toBe('wait')
    const loaded = tell(loadBegun(), [operation(8n, 0n)], 8n)
    expect(loaded).toMatchObject({ load: 'whole', floor: 8n })
    const both = new Map([
      ['a', held],
      ['b', loaded],
    ])
    expect(plan(both, null).kind).toBe('wait')
    expect(lagging(both, null)).toEqual(['a'])
    const caught = new Map([
      ['a', tell(held, [], 8n)],
      ['b', loaded],
    ])
    expect(plan(caught, null)).toMatchObject({
      kind: 'apply',
      lsn: 8n,
      steps: [{ table: 'a' }, { swap: 'yes' }],
    })
    expect(plan(caught, 4n).kind).toBe('wait')
  })

  it('C6: where nothing came there is nothing to write', () => {
    const idle = tell(startProgress(at('3_0')), [], 50n)
    expect(plan(new Map([['a', idle]]), null)).toEqual({ kind: 'stand', lsn: 50n })
  })

  it('takes an unfinished transaction for no more than what came before it', () => {
    const cut = tell(
      startProgress(at('3_0')),
      [operation(5n, 0n), operation(6n, 0n, { isLast: false })],
      null,
    )
    expect(cut.seen).toBe(5n)
    expect(plan(new Map([['a', cut]]), null)).toMatchObject({
      lsn: 5n,
      steps: [{ operations: [{ at: { lsn: 5n } }] }],
    })
  })

  it('property: whatever the order of answers, each commit is whole transactions of all tables, in order, none twice', () => {
    const history = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 12,
    })
    const turns = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 6 })), { maxLength: 60 })
    fc.assert(
      fc.property(history, turns, (transactions, reads) => {
        const logs = new Map<string, Operation[]>(['a', 'b', 'c'].map((table) => [table, []]))
        for (const [index, tables] of transactions.entries())
          for (const table of new Set(tables)) {
            const count = tables.filter((other) => other === table).length
            for (let op = 0; op < count; op++)
              logs.get(table)?.push(operation(BigInt(index + 1), BigInt(op), { isLast: op === count - 1 }))
          }
        const progress = new Map(['a', 'b', 'c'].map((table) => [table, startProgress(at('0_0'))]))
        const told = new Map(['a', 'b', 'c'].map((table) => [table, 0]))
        const done = new Map(['a', 'b', 'c'].map((table) => [table, [] as Operation[]]))
        let stands = 0n
        const turn = (table: string, size: number): void => {
          const log = logs.get(table) ?? []
          const from = told.get(table) ?? 0
          const piece = log.slice(from, from + size)
          told.set(table, from + piece.length)
          const isAll = from + piece.length === log.length
          const before = progress.get(table) ?? startProgress(null)
          progress.set(table, tell(before, piece, isAll ? BigInt(transactions.length) : null))
          const planned = plan(progress, null)
          if (planned.kind === 'wait') return
          expect(planned.lsn >= stands).toBe(true)
          stands = planned.lsn
          if (planned.kind === 'apply')
            for (const step of planned.steps) done.get(step.table)?.push(...step.operations)
          for (const [name, one] of progress) progress.set(name, applied(one, stands))
          for (const [name, operations] of done)
            expect(operations).toEqual(
              (logs.get(name) ?? []).filter((each) => (each.at?.lsn ?? 0n) <= stands),
            )
        }
        for (const [table, size] of reads) turn(table, size)
        for (const table of ['a', 'b', 'c', 'a']) turn(table, 1_000)
        expect(stands).toBe(BigInt(transactions.length))
      }),
      { numRuns: 200 },
    )
  })
})
