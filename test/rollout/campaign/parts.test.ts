import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutOf, unitOf } from '../../../rollout/campaign/cohort.ts'
import { isFrozen } from '../../../rollout/campaign/freeze.ts'
import { Table } from '../../../rollout/campaign/table.ts'

describe('a table', () => {
  it('holds what a map would hold, and older ones stay as they were', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.integer()), { maxLength: 80 }),
        (entries) => {
          const map = new Map<string, number>()
          let table = Table.empty<number>()
          const before: (readonly [Table<number>, ReadonlyMap<string, number>])[] = []
          for (const [key, value] of entries) {
            before.push([table, new Map(map)])
            table = table.with(key, value)
            map.set(key, value)
          }
          for (const [older, held] of [...before, [table, map] as const]) {
            expect(older.size).toBe(held.size)
            const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b)
            expect(sorted(older.values())).toEqual(sorted(held.values()))
            for (const [key, value] of held) expect(older.get(key)).toBe(value)
          }
          expect(table.get('not there')).toBeUndefined()
        },
      ),
    )
  })

  it('goes on from any version as if the others had never been', () => {
    // So few keys and so many steps that versions branch off far behind the newest, and are read in between.
    const steps = fc.array(
      fc.record({ from: fc.nat(), key: fc.integer({ min: 0, max: 40 }).map(String), value: fc.integer() }),
      { maxLength: 250, size: 'max' },
    )
    fc.assert(
      fc.property(steps, fc.array(fc.nat(), { maxLength: 10 }), (taken, reads) => {
        type Version = { readonly table: Table<number>; readonly map: ReadonlyMap<string, number> }
        const versions: Version[] = [{ table: Table.empty(), map: new Map() }]
        for (const [at, { from, key, value }] of taken.entries()) {
          // Mostly the newest, as in a campaign.
          const chosen = at % 5 === 0 ? versions[from % versions.length] : versions.at(-1)
          if (chosen === undefined) continue
          const table = chosen.table.with(key, value)
          versions.push({ table, map: new Map([...chosen.map, [key, value]]) })
          const read = versions[(reads[at % Math.max(1, reads.length)] ?? 0) % versions.length]
          expect(read?.table.get(key)).toBe(read?.map.get(key))
        }
        for (const { table, map } of versions) {
          expect(table.size).toBe(map.size)
          for (const [key, value] of map) expect(table.get(key)).toBe(value)
          const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b)
          expect(sorted(table.values())).toEqual(sorted(map.values()))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('is walked as it was when the walk began', () => {
    let table = Table.empty<number>().with('a', 1).with('b', 2)
    const seen: number[] = []
    for (const value of table.values()) {
      table = table.with('b', 20).with('c', 30)
      seen.push(value)
    }
    expect(seen).toEqual([1, 2])
  })
})

describe('cohorts (R4)', () => {
  it('put each device in one place, evenly, and elsewhere under another salt', () => {
    const units = Array.from({ length: 4_000 }, (_, at) => unitOf('spring', `device-${at}`))
    expect(units.every((unit) => unit >= 0 && unit < 1)).toBe(true)
    for (const share of [0.1, 0.5, 0.9])
      expect(Math.abs(units.filter((unit) => unit < share).length / units.length - share)).toBeLessThan(0.03)
    expect(unitOf('spring', 'device-1')).toBe(unitOf('spring', 'device-1'))
    expect(unitOf('autumn', 'device-1')).not.toBe(unitOf('spring', 'device-1'))
  })

  it('make bigger rings contain smaller ones, with the least that a ring asks for', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 40 }),
        (drawn) => {
          const units = [...drawn].sort((a, b) => a - b)
          let before = 0
          for (const [share, least] of [
            [0.01, 1],
            [0.05, 3],
            [0.5, 10],
            [1, 10],
          ] as const) {
            const cut = cutOf(share, least, units)
            expect(cut).toBeGreaterThanOrEqual(before)
            expect(units.filter((unit) => unit < cut).length).toBeGreaterThanOrEqual(
              Math.min(least, units.length),
            )
            before = cut
          }
        },
      ),
    )
  })
})

describe('freezes (R11)', () => {
  const at = (text: string) => Date.parse(text)

  it('hold in the time of the device', () => {
    const noon = [{ kind: 'weekly', days: [1], from: '12:00', to: '13:00' }] as const
    const frozen = noon.map((window) => ({ ...window, days: [...window.days] }))
    expect(isFrozen(frozen, at('2026-01-05T12:30:00Z'), 0)).toBe(true)
    expect(isFrozen(frozen, at('2026-01-05T12:30:00Z'), 60)).toBe(false)
    expect(isFrozen(frozen, at('2026-01-05T11:30:00Z'), 60)).toBe(true)
    expect(isFrozen(frozen, at('2026-01-06T12:30:00Z'), 0)).toBe(false)
    expect(isFrozen(frozen, at('2026-01-05T13:00:00Z'), 0)).toBe(false)
  })

  it('go over midnight, and over the end of the week', () => {
    const night = [{ kind: 'weekly' as const, days: [7], from: '22:00', to: '06:00' }]
    expect(isFrozen(night, at('2026-01-04T23:00:00Z'), 0)).toBe(true)
    expect(isFrozen(night, at('2026-01-05T05:59:00Z'), 0)).toBe(true)
    expect(isFrozen(night, at('2026-01-05T06:00:00Z'), 0)).toBe(false)
    expect(isFrozen(night, at('2026-01-04T05:00:00Z'), 0)).toBe(false)
  })

  it('by date hold from the first day to the last', () => {
    const feast = [{ kind: 'dates' as const, from: '2026-12-24', to: '2026-12-26' }]
    expect(isFrozen(feast, at('2026-12-23T23:30:00Z'), 60)).toBe(true)
    expect(isFrozen(feast, at('2026-12-26T23:30:00Z'), 0)).toBe(true)
    expect(isFrozen(feast, at('2026-12-27T00:30:00Z'), 0)).toBe(false)
  })
})
