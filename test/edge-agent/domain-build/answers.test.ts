import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireAnswers } from '../../../edge-agent/grammar/answers.ts'
import { readDomainFile } from '../../../edge-agent/grammar/domain-file.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { LAMPS, openWorkshop, type Workshop } from './lamps.ts'

let shop: Workshop
beforeAll(() => {
  shop = openWorkshop()
})
afterAll(() => shop.close())

const required = (text: string) => {
  const path = shop.write('domain.yaml', text)
  return () => requireAnswers(path, readDomainFile(path))
}

describe('a domain that asks back', () => {
  test('is refused at its first such wish where it has no word for yes or for no', () => {
    const noDeny = LAMPS.replace(/ {2}turn\.deny:\n.*\n.*\n/, '')
    expect(required(noDeny)).toThrow(
      /domain\.yaml:10:3: “lamp\.on” is asked back when it is unsure, and the domain has no turn\.deny$/,
    )
    const neither = noDeny.replace(/ {2}turn\.confirm:\n.*\n.*\n/, '')
    expect(required(neither)).toThrow(/has no turn\.confirm and no turn\.deny$/)
  })

  test('is taken with both, and without them where nothing is changed', () => {
    expect(required(LAMPS)).not.toThrow()
    expect(
      required('domain: clock\nintents:\n  time: { effectful: false, templates: [what time is it] }\n'),
    ).not.toThrow()
  })

  test.each(['field-service', 'contact-centre', 'tea-kitchen'])('ships with both: %s', (name) => {
    const path = fileURLToPath(new URL(`${name}.yaml`, MODEL_FOLDERS.domains))
    expect(() => requireAnswers(path, readDomainFile(path))).not.toThrow()
  })

  test('need not have them as the expressions of a published benchmark', () => {
    const expressions = 'context:\n  expressions:\n    orderDrink: ["[get, make] me a coffee"]\n  slots: {}\n'
    expect(required(expressions)).not.toThrow()
  })
})
