import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handClock } from '../../support/hand-clock.ts'
import { seeded } from '../../../shared/seeded.ts'
import { openCentreStage, openCopy, straight, type CentreStage, type CopyStage } from './stage.ts'

const ROWS = 1_500
const DAYS = 14
const CHANGES_A_DAY = 10
const DAY_MS = 24 * 3_600_000

describe('a device that was away for days', { timeout: 120_000 }, () => {
  const clock = handClock()
  let centre: CentreStage
  let copy: CopyStage
  let bytes = 0
  /** The way to the centre, with what came over it counted. */
  const counted: typeof fetch = async (input, init) => {
    const answer = await straight(centre)(input, init)
    const body = await answer.arrayBuffer()
    bytes += body.byteLength + JSON.stringify([...answer.headers]).length
    return new Response(body.byteLength === 0 ? null : body, {
      status: answer.status,
      headers: answer.headers,
    })
  }
  beforeAll(async () => {
    centre = await openCentreStage({ clock, chunkBytes: 100_000 })
    await centre.together(async (put) => {
      for (let row = 0; row < ROWS; row++)
        await put('asset', `a${row}`, `pump ${row}, ${'as it was '.repeat(15)}`)
    })
    copy = await openCopy(centre, counted)
    await copy.verify()
  }, 120_000)
  afterAll(async () => {
    await copy.close()
    await centre.close()
  })

  /** Simulated days without the device, then its return. Says how many bytes the return took. */
  async function away(days: number, changesADay: number): Promise<number> {
    await copy.sync.stop()
    const random = seeded(days * 1_000 + changesADay)
    for (let day = 0; day < days; day++) {
      clock.advance(DAY_MS)
      for (let change = 0; change < changesADay; change++) {
        const key = `a${Math.floor(random() * ROWS)}`
        if (change % 5 === 4) await centre.remove('asset', key)
        else await centre.put('asset', key, `pump on day ${day}, ${'as it is now '.repeat(10)}`)
      }
      await centre.shapes.caughtUp()
      await centre.shapes.keepUp()
    }
    bytes = 0
    copy = await copy.again()
    for (const verdict of await copy.verify()) expect(verdict).toMatchObject({ holds: true })
    return bytes
  }

  it('C6: has the centre’s rows to the digest again, for bytes that follow the change and not the whole', async () => {
    const whole = bytes
    expect(whole).toBeGreaterThan(ROWS * 150)
    const none = await away(DAYS, 0)
    const few = await away(DAYS, CHANGES_A_DAY)
    const many = await away(DAYS, 3 * CHANGES_A_DAY)
    expect(few).toBeLessThan(whole / 2)
    // Beside what an exchange costs without any news, three times the changes take about three times the bytes.
    const ratio = (many - none) / (few - none)
    expect(ratio).toBeGreaterThan(2)
    expect(ratio).toBeLessThan(4)
    expect((few - none) / (DAYS * CHANGES_A_DAY)).toBeLessThan(1_000)
  })
})
