/** Sentences that want nothing of a domain, from our own collection, without those that are near to it. */
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../../shared/package-root.ts'
import type { Domain } from '../grammar/domain.ts'
import { readDomainFile } from '../grammar/domain-file.ts'
import { COMMON_WORDS } from './common-words.ts'
import type { Random } from './random.ts'
import { SAMPLE_NAMES } from './sample-names.ts'
import { Walker } from './walks.ts'

/** Where they lie in the package. */
export const ELSEWHERE = 'edge-agent/domain-build/elsewhere.yaml'
const WALKS_PER_TEMPLATE = 40
/** A sentence with this share of its own words in the domain may well be one of its wishes. */
const NEAR = 0.6

export function sentencesElsewhere(
  vocabulary: ReadonlySet<string>,
  random: Random,
): readonly (readonly string[])[] {
  const domain: Domain = readDomainFile(fileURLToPath(new URL(ELSEWHERE, packageRoot())))
  const walker = new Walker(domain, { names: SAMPLE_NAMES, random })
  const found = new Map<string, readonly string[]>()
  for (const intent of domain.intents)
    for (const template of intent.templates.keys())
      for (let walk = 0; walk < WALKS_PER_TEMPLATE; walk += 1) {
        const words = walker.walk(intent, template)?.words ?? []
        if (words.length > 0 && !isNear(words, vocabulary)) found.set(words.join(' '), words)
      }
  return [...found.values()]
}

function isNear(words: readonly string[], vocabulary: ReadonlySet<string>): boolean {
  const own = words.filter((word) => !COMMON_WORDS.has(word))
  return own.length === 0 || own.filter((word) => vocabulary.has(word)).length / own.length >= NEAR
}
