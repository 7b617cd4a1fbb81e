/** Several wishes, corrections and changes, as the shipped understanding reads them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WishBefore } from '../../../edge-agent/intent/amend.ts'
import type { Alternative, Understanding } from '../../../edge-agent/intent/understanding.ts'
import { openShippedUnderstanding } from './intent-bundle.ts'
import { SAMPLE_NAMES } from './known-names.ts'

let understanding: Understanding
beforeAll(async () => {
  understanding = await openShippedUnderstanding()
})
afterAll(async () => await understanding.close())

type Wished = readonly [intent: string, slots: Record<string, unknown>]
async function wishes(text: string): Promise<readonly Wished[]> {
  const meant = await understanding.understand(text, SAMPLE_NAMES)
  return [meant, ...meant.further].map(({ intent, slots }) => [intent, { ...slots }])
}

describe('several wishes in one breath', () => {
  it.each<[string, readonly Wished[]]>([
    [
      'close the work order and open the next one',
      [
        ['work_order.close', {}],
        ['work_order.open', {}],
      ],
    ],
    [
      'log six bar and go on',
      [
        ['reading.log', { value: 6, unit: 'bar' }],
        ['step.next', {}],
      ],
    ],
    [
      'just for the books the voltage came to three hundred and five volts and go to the next step',
      [
        ['reading.log', { quantity: 'voltage', value: 305, unit: 'volts' }],
        ['step.next', {}],
      ],
    ],
    [
      'for your information the flow was twelve thousand and five litres per minute',
      [['reading.log', { quantity: 'flow', value: 12_005, unit: 'litres per minute' }]],
    ],
    [
      'by the way the pressure came to six and a half bar',
      [['reading.log', { quantity: 'pressure', value: 6.5, unit: 'bar' }]],
    ],
    [
      'record six bar and note the seal is leaking',
      [
        ['reading.log', { value: 6, unit: 'bar' }],
        ['note.record', { text: 'the seal is leaking' }],
      ],
    ],
    [
      'note that the seal is worn and go to the next step',
      [
        ['note.record', { text: 'the seal is worn' }],
        ['step.next', {}],
      ],
    ],
    [
      'go to the next step then log 3 bar then call my supervisor',
      [
        ['step.next', {}],
        ['reading.log', { value: 3, unit: 'bar' }],
        ['human.ask', {}],
      ],
    ],
    [
      'yes and go on',
      [
        ['turn.confirm', {}],
        ['step.next', {}],
      ],
    ],
  ])('are taken apart in order: %s', async (text, wanted) => {
    expect(await wishes(text)).toEqual(wanted)
  })

  it.each([
    ['note that the belt is worn and the guard is loose', 'note.record'],
    ['log two hundred and thirty volts', 'reading.log'],
    ['log eleven and a half amps', 'reading.log'],
    ["I've closed the valves, what's next", 'step.next'],
    ["I'm stuck, please help", 'human.ask'],
  ])('are not seen where there is one: %s', async (text, intent) => {
    expect((await wishes(text)).map(([name]) => name)).toEqual([intent])
  })
})

describe('what is taken back in the same breath', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['log six bar, sorry, seven bar', 'reading.log', { value: 7, unit: 'bar' }],
    ['log six bar no seven', 'reading.log', { value: 7, unit: 'bar' }],
    ['log six bar no eight bar no nine bar', 'reading.log', { value: 9, unit: 'bar' }],
    ['log four point five six bar no five seven', 'reading.log', { value: 4.57, unit: 'bar' }],
    ['work order four five six, no, five seven', 'work_order.open', { work_order: '457' }],
    ['open work order four two seven no four two eight', 'work_order.open', { work_order: '428' }],
    ['order two air filters, no, oil filters', 'part.order', { part: 'oil filter', count: 2 }],
    ['order two air filters no three', 'part.order', { part: 'air filter', count: 3 }],
    ['close the work order, no wait, go to the next step', 'step.next', {}],
  ])('is not done: %s', async (text, intent, slots) => {
    expect(await wishes(text)).toEqual([[intent, slots]])
  })

  it('stays in a note, which is kept as it was said', async () => {
    expect(await wishes('note that it reads six no seven bar')).toEqual([
      ['note.record', { text: 'it reads six no seven bar' }],
    ])
  })
})

describe('a change of the wish before', () => {
  const order: WishBefore = { intent: 'work_order.open', slots: { work_order: '456' }, missing: [] }
  const reading: WishBefore = {
    intent: 'reading.log',
    slots: { value: 5.6, unit: 'bar', asset: 'north chiller' },
    missing: [],
  }
  const part: WishBefore = { intent: 'part.order', slots: { part: 'air filter', count: 2 }, missing: [] }
  const asset: WishBefore = { intent: 'asset.look_up', slots: { asset: 'steam boiler one' }, missing: [] }

  it.each<[string, WishBefore, Record<string, unknown>]>([
    ['no, five seven', order, { work_order: '457' }],
    ['no it is four two eight', order, { work_order: '428' }],
    ['no, seven bar', reading, { value: 7, unit: 'bar', asset: 'north chiller' }],
    ['no, five seven', reading, { value: 5.7, unit: 'bar', asset: 'north chiller' }],
    ['no, I meant unit two', asset, { asset: 'steam boiler two' }],
    ['sorry, the south chiller', asset, { asset: 'south chiller' }],
    ['no three', part, { part: 'air filter', count: 3 }],
    ['no I said oil filters', part, { part: 'oil filter', count: 2 }],
    [
      'four two seven',
      { intent: 'work_order.open', slots: {}, missing: ['work_order'] },
      { work_order: '427' },
    ],
  ])('keeps what was not changed: %s', async (text, before, slots) => {
    const meant = await understanding.understand(text, SAMPLE_NAMES, { before })
    expect(meant).toMatchObject({ amends: true, intent: before.intent })
    expect({ ...meant.slots }).toEqual(slots)
  })

  it('is asked back where the value is pieced together', async () => {
    const meant = await understanding.understand('no, five seven', SAMPLE_NAMES, { before: reading })
    expect(meant.confidence).toBeLessThan(0.75)
  })

  it.each([
    'no',
    'no thank you',
    "no, that's not what I meant",
    'no the weather is nice',
    'sorry my phone rang',
  ])('is not seen in: %s', async (text) => {
    expect((await understanding.understand(text, SAMPLE_NAMES, { before: reading })).amends).toBe(false)
  })
})

describe('the recogniser’s other guesses', () => {
  const heard = async (...alternatives: Alternative[]) =>
    await understanding.understand(alternatives[0]?.text ?? '', SAMPLE_NAMES, { alternatives })

  it('are read where the first cannot be', async () => {
    expect(
      await heard({ text: 'lock six bar', share: 0.6 }, { text: 'log six bar', share: 0.3 }),
    ).toMatchObject({ intent: 'reading.log', text: 'log six bar', route: 'grammar' })
  })

  it('never outdo a first that can be read, nor count when hardly likely', async () => {
    expect(
      await heard({ text: 'log six bar', share: 0.5 }, { text: 'log seven bar', share: 0.5 }),
    ).toMatchObject({ slots: { value: 6 } })
    expect(
      await heard({ text: 'lovely weather', share: 0.99 }, { text: 'next step', share: 0.01 }),
    ).toMatchObject({ intent: 'out_of_scope' })
  })
})

describe('where a slot was said', () => {
  it.each<[string, Record<string, string>]>([
    [
      'Log a discharge pressure of 6.5 bar at P-101',
      { quantity: 'discharge pressure', value: '6.5', unit: 'bar', asset: 'P-101' },
    ],
    ["it's −4.5°C on boiler two", { value: '−4.5', unit: '°C', asset: 'boiler two' }],
    ['north chiller ５ bar', { asset: 'north chiller', value: '５', unit: 'bar' }],
    ['log 1,450 rpm', { value: '1,450', unit: 'rpm' }],
    ['open work order four two seven, please', { work_order: 'four two seven' }],
  ])('is told in characters of the text: %s', async (text, wanted) => {
    const { spans, slots } = await understanding.understand(text, SAMPLE_NAMES)
    expect(Object.fromEntries(Object.entries(spans).map(([slot, span]) => [slot, span.text]))).toEqual(wanted)
    for (const [slot, { start, end, text: piece, value }] of Object.entries(spans)) {
      expect(text.slice(start, end)).toBe(piece)
      expect(value).toEqual(slots[slot])
    }
  })
})
