import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { readDomainFile } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { wordsOf } from '../../../edge-agent/intent/normalise.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'

const folder = fileURLToPath(MODEL_FOLDERS.domains)
const reader = (name: string) => {
  const domain = readDomainFile(`${folder}${name}.yaml`)
  const matcher = new TextMatcher(compileDomain(domain, { assets: [], parts: [], workOrders: [] }))
  return (text: string) => {
    const match = matcher.match(wordsOf(text))
    return match === null ? null : { intent: match.intent, slots: match.slots }
  }
}

test('every domain that ships is read, and can be answered when it asks back', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  expect(files).toEqual(['contact-centre.yaml', 'field-service.yaml', 'tea-kitchen.yaml'])
  for (const file of files) {
    const domain = readDomainFile(`${folder}${file}`)
    expect(`${domain.name}.yaml`).toBe(file)
    expect(domain.intents.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['turn.confirm', 'turn.deny']),
    )
  }
})

describe('the contact centre', () => {
  const read = reader('contact-centre')
  test.each([
    ['where is my parcel number four two zero seven', 'order.track', { order_number: '4207' }],
    ['I would like to cancel order 88123', 'order.cancel', { order_number: '88123' }],
    [
      'why was I charged forty nine point nine five euros',
      'bill.question',
      { amount: 49.95, currency: 'euros' },
    ],
    ['can I pay my bill in six instalments', 'payment.arrange', { instalments: 6 }],
    ['please move the delivery to next friday', 'delivery.change', { day: 'friday' }],
    ['I want to get a refund of twenty bucks', 'refund.ask', { amount: 20, currency: 'dollars' }],
    ['are you open on the twenty fourth of december', 'hours.ask', { day_of_month: '24', month: 'december' }],
    ['my broadband is not working', 'fault.report', { product: 'internet' }],
    ["I can't log in", 'password.reset', {}],
    ['put me through to a real person', 'agent.ask', {}],
    ['someone stole my wallet', 'card.block', {}],
    ['I am not happy with the service that I got', 'complaint.make', { matter: 'the service that i got' }],
    ['my account number is one two three four five six', 'account.give', { account_number: '123456' }],
    ['we have moved to a new address', 'address.change', {}],
  ])('reads “%s”', (text, intent, slots) => {
    expect(read(text)).toEqual({ intent, slots })
  })
})

describe('the tea kitchen', () => {
  const read = reader('tea-kitchen')
  test.each([
    [
      'make us three cups of green tea at eighty degrees',
      'tea.make',
      { cups: 3, tea: 'green tea', degrees: 80 },
    ],
    ['set a timer for four minutes please', 'timer.set', { minutes: 4 }],
    ['switch the lights off', 'light.off', {}],
    ['leave a note that the milk is empty', 'note.leave', { message: 'the milk is empty' }],
  ])('reads “%s”', (text, intent, slots) => {
    expect(read(text)).toEqual({ intent, slots })
  })

  test('boils no water to a thousand degrees', () => {
    expect(read('boil the water to one thousand degrees')).toBeNull()
  })
})
