/** A link as it is in the field: slow, losing, flapping, with clocks that disagree. What is written goes up once and in order, what changes comes down. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { outcome } from './outcome.ts'
import { openProxy, type Proxy, type Weather } from './proxy.ts'
import { openStage, type Stage } from './stage.ts'

const RECORDS = 300
const DAY_MS = 86_400_000

const SLOW: Weather = { delayMs: 300, lost: 0, resendMs: 0 }
const LOSING: Weather = { delayMs: 20, lost: 0.1, resendMs: 300 }
const SATELLITE: Weather = { delayMs: 300, lost: 0.05, resendMs: 900 }
const CASES: readonly (readonly [name: string, weather: Weather, clock: string, skewMs: number])[] = [
  ['300 ms each way', SLOW, 'clocks that agree', 0],
  ['one piece in ten lost', LOSING, 'a clock three days ahead', 3 * DAY_MS],
  ['one piece in ten lost', LOSING, 'a clock three days behind', -3 * DAY_MS],
  ['600 ms there and back, one piece in twenty lost', SATELLITE, 'clocks that agree', 0],
]

describe('a poor link', { timeout: 120_000 }, () => {
  let dir: string
  let proxy: Proxy
  let stage: Stage
  const begin = async (weather: Weather | null, skewMs: number): Promise<void> => {
    if (weather !== null) proxy.set(weather)
    stage = await openStage({ dir, proxy, skewMs })
  }
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'starling-poor-link-'))
    proxy = await openProxy()
  })
  afterEach(async () => {
    await stage.close()
    await proxy.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const append = async (count: number): Promise<number> => {
    await stage.journal.transaction(async (tx) => {
      for (let index = 0; index < count; index++) await stage.journal.append(tx, outcome())
    })
    return (await stage.journal.head()).seq
  }
  /** Every record once, in the order and under the numbers of the device; nothing set aside. */
  const holds = async (head: number): Promise<void> => {
    const rows = await stage.centreDb.query<{ seq: number }>('select seq from ingest.record order by seq')
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, index) => index + 1))
    expect(await stage.centreDb.query('select reason from ingest.quarantine where not settled')).toEqual([])
    expect(await stage.journal.unshipped()).toEqual({ count: 0, from: null })
  }

  for (const [name, weather, clock, skewMs] of CASES)
    it(`${name}, ${clock}: everything arrives once, in order`, async () => {
      await begin(weather, skewMs)
      const head = await append(RECORDS)
      await stage.receipted(head)
      await holds(head)
    })

  for (const how of ['reset', 'black_hole'] as const)
    it(`flapping (${how}): everything arrives once, in order`, async () => {
      await begin(null, 0)
      let head = 0
      for (let flap = 0; flap < 6; flap++) {
        head = await append(RECORDS / 6)
        proxy.cut(how)
        await delay(150 + 50 * flap)
        proxy.heal()
        await delay(100)
      }
      await stage.receipted(head)
      await holds(head)
    })
})
