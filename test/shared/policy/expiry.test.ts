/** A policy that nears its end says so days before, with what to do: in the log, in the status, on the console. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { statusLines } from '../../../edge-agent/cli/commands/policy.ts'
import { EXPIRY_NOTICE_MS, expiryNotice, watchExpiry } from '../../../shared/policy/expiry.ts'
import { fieldServicePolicy } from '../../../shared/policy/field-service-policy.ts'
import { isPast } from '../../../shared/policy/policy.ts'
import { openLog } from '../../../shared/log.ts'

const DAY_MS = 86_400_000
const START_MS = Date.parse('2026-01-01T00:00:00.000Z')
const document = fieldServicePolicy({ environment: 'development', version: 3, nowMs: START_MS })
const END_MS = Date.parse(document.expiresAt)

describe('the notice of a policy', () => {
  it('is none while there is time, then counts the days, and says when it is past', () => {
    expect(expiryNotice(document, END_MS - EXPIRY_NOTICE_MS - 1)).toBeNull()
    expect(expiryNotice(document, END_MS - EXPIRY_NOTICE_MS)).toMatchObject({
      code: 'policy_near_expiry',
      daysLeft: 21,
    })
    expect(expiryNotice(document, END_MS - 1)).toMatchObject({ code: 'policy_near_expiry', daysLeft: 0 })
    expect(expiryNotice(document, END_MS)).toMatchObject({ code: 'policy_expired', daysLeft: 0 })
    expect(expiryNotice(document, END_MS - 6 * DAY_MS)).toMatchObject({
      message: expect.stringMatching(/^the policy 3 expires in 6 days, at 2026-/) as string,
      remedy: expect.stringMatching(/change version to 4.*starling policy publish/) as string,
    })
  })

  it('of one that was made for days is given in its last third', () => {
    const short = { ...document, expiresAt: new Date(START_MS + 3 * DAY_MS).toISOString() }
    expect(expiryNotice(short, START_MS + 1.9 * DAY_MS)).toBeNull()
    expect(expiryNotice(short, START_MS + 2.1 * DAY_MS)).toMatchObject({ daysLeft: 0 })
  })

  it('never goes silent again, and calls past just what is refused as past', () => {
    const moment = fc.integer({ min: START_MS, max: END_MS + 400 * DAY_MS })
    fc.assert(
      fc.property(moment, moment, (one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)]
        if (expiryNotice(document, early) !== null) expect(expiryNotice(document, late)).not.toBeNull()
        expect(expiryNotice(document, late)?.code === 'policy_expired').toBe(isPast(document, late))
      }),
    )
  })
})

describe('whoever looks after the centre', () => {
  it('is told by the log at once and again and again, and no more after the next policy', async () => {
    let policy = document
    const lines: string[] = []
    let heard: () => void = () => undefined
    const clock = { nowMs: () => END_MS - 2 * DAY_MS, monotonicMs: () => 0 }
    const write = (line: string): void => {
      lines.push(line)
      heard()
    }
    const log = openLog({ part: 'centre', clock, json: true, write })
    const stop = watchExpiry({ policy: () => ({ document: policy }), clock, log }, 1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/policy_near_expiry/)
    expect(lines[0]).toMatch(/starling policy publish/)
    await new Promise<void>((resolve) => {
      heard = resolve
    })
    stop()
    const later = { ...document, version: 4, expiresAt: new Date(END_MS + 180 * DAY_MS).toISOString() }
    policy = later
    const before = lines.length
    watchExpiry({ policy: () => ({ document: policy }), clock, log })()
    expect(lines).toHaveLength(before)
  })

  it('reads it first in `starling policy status`, with the remedy', () => {
    const status = {
      version: 3,
      digest: 'd',
      expiresAt: document.expiresAt,
      devices: 1,
      following: 0,
      refusing: 0,
      waiting: [{ device: 'van-1', said: null, seenAt: null }],
    }
    const notice = expiryNotice(document, END_MS - DAY_MS)
    expect(statusLines({ ...status, notice })).toEqual([
      expect.stringMatching(/^0 of 1 devices/),
      expect.stringMatching(/^WARNING: the policy 3 expires in 1 day, at .*\.$/),
      expect.stringMatching(/^ {2}Publish the next version with a later expiresAt/),
      expect.stringMatching(/van-1/),
    ])
    expect(statusLines({ ...status, notice: null })).toHaveLength(2)
  })
})
