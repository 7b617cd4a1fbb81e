import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeBuiltFolder } from '../../../edge-agent/domain-build/built-folder.ts'
import { openUnderstanding, type Understanding } from '../../../edge-agent/intent/understanding.ts'
import { openWorkshop, type Workshop } from '../domain-build/lamps.ts'

const NAMES = { assets: [], parts: [], workOrders: [] }
/** A Saturday. */
const NOW = new Date(2026, 10, 21, 11, 48)
const CALLS = `domain: calls
slots:
  when: { type: datetime }
  room: { type: list, values: [workshop, office] }
intents:
  call.book:
    phrase: book a call
    required: [when]
    templates:
      - "(book | arrange | schedule) (a call | a visit) [in the {room}] {when} [in the {room}]"
      - "(call | ring | phone) me [back] {when}"
      - "(book | arrange) (a call | a visit)"
  call.drop:
    phrase: drop the call
    templates: ["(drop | forget) the (call | visit) [{when}]"]
  turn.confirm: { effectful: false, templates: ["(yes | do it)"] }
  turn.deny: { effectful: false, templates: ["(no | leave it)"] }
`

let shop: Workshop
let understanding: Understanding
beforeAll(async () => {
  shop = openWorkshop()
  const built = await shop.build(shop.write('calls.yaml', CALLS))
  writeBuiltFolder(join(shop.folder, 'calls.domain'), built.files)
  understanding = await openUnderstanding(join(shop.folder, 'calls.domain'), { clock: () => NOW })
})
afterAll(async () => {
  await understanding.close()
  shop.close()
})

describe('a day or a time that is wished', () => {
  test('is reckoned from the clock, and keeps the words that it came from', async () => {
    const meant = await understanding.understand(
      'Book a call tomorrow at half past nine in the office',
      NAMES,
    )
    expect(meant).toMatchObject({
      intent: 'call.book',
      route: 'grammar',
      slots: { when: '2026-11-22T09:30', room: 'office' },
    })
    expect(meant.spans['when']).toEqual({
      value: '2026-11-22T09:30',
      text: 'tomorrow at half past nine',
      start: 12,
      end: 38,
    })
  })

  test('is found in words that no template has', async () => {
    const meant = await understanding.understand(
      'could somebody ring me back please, on Monday at 3:30',
      NAMES,
    )
    expect(meant).toMatchObject({
      intent: 'call.book',
      route: 'classifier',
      slots: { when: '2026-11-23T15:30' },
    })
    expect(meant.spans['when']).toMatchObject({ text: 'on Monday at 3:30' })
  })

  test('is asked for where two are named, or none that there is', async () => {
    for (const text of [
      'well arrange a visit on monday for me or on friday',
      'call me back on the thirtieth of february',
    ])
      expect(await understanding.understand(text, NAMES), text).toMatchObject({
        slots: {},
        missing: ['when'],
      })
  })

  test('is put right', async () => {
    const before = { intent: 'call.book', slots: { when: '2026-11-23' }, missing: [] }
    expect(await understanding.understand('no, on Tuesday', NAMES, { before })).toMatchObject({
      intent: 'call.book',
      amends: true,
      slots: { when: '2026-11-24' },
    })
    expect(await understanding.understand('call me on Monday, no, on Tuesday', NAMES)).toMatchObject({
      intent: 'call.book',
      slots: { when: '2026-11-24' },
    })
  })

  test('answers the question for it', async () => {
    const before = { intent: 'call.book', slots: {}, missing: ['when'] }
    expect(await understanding.understand('tomorrow at noon', NAMES, { before })).toMatchObject({
      intent: 'call.book',
      slots: { when: '2026-11-22T12:00' },
      missing: [],
    })
  })
})
