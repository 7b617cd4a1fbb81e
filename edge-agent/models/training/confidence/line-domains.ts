/** Domains made of lines that people speak: each line is a command, and in some its words have rivals, as a slot's values have. */
import { pick } from '../../../../shared/seeded.ts'
import type { Domain } from '../../../grammar/domain.ts'
import { parseDomain } from '../../../grammar/domain-file.ts'

/** Of the domains, how many have rivals of words, and how many a slot of open words. */
const RIVALS_SHARE = 0.6
const OPEN_SHARE = 0.3
/** Of such a domain's words, how many have rivals; at most so many. */
const RIVALLED_SHARE = 0.35
const MOST_RIVALS = 8

type Random = () => number

/** `vocabulary`: words that may be rivals. */
export function lineDomain(name: string, lines: readonly string[], vocabulary: readonly string[], random: Random): Domain {
  const slots: string[] = []
  const rivalled = random() < RIVALS_SHARE
  const withRivals = (word: string): string => {
    if (!rivalled || random() >= RIVALLED_SHARE) return word
    const count = 1 + Math.floor(MOST_RIVALS * random() ** 2)
    const values = new Set([word, ...Array.from({ length: count }, () => pick(vocabulary, random))])
    slots.push(`  s${slots.length}: { type: list, values: { ${[...values].map((value) => `"${value}": []`).join(', ')} } }`)
    return `{s${slots.length - 1}}`
  }
  const intents = lines.map((line, at) => intent(`line.n${at}`, line.split(' ').map(withRivals).join(' ')))
  if (random() < OPEN_SHARE) {
    slots.push('  text: { type: text }')
    intents.push(intent('note', 'make a note that {text}'))
  }
  const all = [
    `domain: ${name}`,
    'version: 1.0.0',
    ...(slots.length > 0 ? ['slots:', ...slots] : []),
    'intents:',
    ...intents,
  ]
  return parseDomain(all.join('\n'), `${name}.yaml`)
}

function intent(name: string, template: string): string {
  return `  ${name}:\n    phrase: ${name}\n    templates: ["${template}"]`
}
