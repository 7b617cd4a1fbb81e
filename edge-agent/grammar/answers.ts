/** A device that asks back must understand the answer: a domain that changes anything needs a yes and a no. */
import { readFileSync } from 'node:fs'
import type { Domain } from './domain.ts'
import { isExpressionFormat } from './expression-format.ts'
import { YamlFile } from './yaml-places.ts'

const ANSWERS = ['turn.confirm', 'turn.deny'] as const

/**
 * `file` is what `domain` was read from. Throws DomainRefused at the first wish that is asked back, where an answer is missing.
 * Published benchmarks' expressions have no answers and are only ever evaluated.
 */
export function requireAnswers(file: string, domain: Domain): void {
  const missing = ANSWERS.filter((answer) => !domain.intents.some(({ name }) => name === answer))
  const asked = domain.intents.find(({ effectful }) => effectful)
  if (missing.length === 0 || asked === undefined) return
  const yaml = new YamlFile(readFileSync(file, 'utf8'), file)
  if (isExpressionFormat(yaml.value)) return
  yaml.refuseKey(
    ['intents', asked.name],
    `“${asked.name}” is asked back when it is unsure, and the domain has no ${missing.join(' and no ')}`,
    `Add ${missing.map((answer) => `the intent ${answer}`).join(' and ')} with the words for it, as edge-agent/domains/tea-kitchen.yaml has them; or write “effectful: false” if the wish changes nothing.`,
  )
}
