import { assert as check, integer, property } from 'fast-check'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { sentencesElsewhere } from '../../../edge-agent/domain-build/elsewhere.ts'
import { seededRandom } from '../../../edge-agent/domain-build/random.ts'
import { SAMPLE_NAMES } from '../../../edge-agent/domain-build/sample-names.ts'
import { Walker } from '../../../edge-agent/domain-build/walks.ts'
import { AMENDING, compileDomain } from '../../../edge-agent/grammar/compile.ts'
import { parseDomain, readDomainFile } from '../../../edge-agent/grammar/domain-file.ts'
import { TextMatcher } from '../../../edge-agent/grammar/match-text.ts'
import { MODEL_FOLDERS } from '../../../edge-agent/models/shipped.ts'
import { LAMPS } from './lamps.ts'

const shipped = (name: string) =>
  readDomainFile(fileURLToPath(new URL(`${name}.yaml`, MODEL_FOLDERS.domains)))

describe('a walk', () => {
  test.each([
    ['lamps', parseDomain(LAMPS)],
    ['field-service', shipped('field-service')],
  ])('of %s is read back by its grammar as what it was made from', (_name, domain) => {
    const matcher = new TextMatcher(compileDomain(domain, SAMPLE_NAMES))
    check(
      property(integer(), (seed) => {
        const random = seededRandom(seed)
        const walker = new Walker(domain, { names: SAMPLE_NAMES, random })
        // Which slot a change is of, is found from the wish before it.
        const intent = random.pick(domain.intents.filter(({ name }) => name !== AMENDING))
        if (intent === undefined) throw new Error('no intents')
        const walk = walker.walk(intent, random.below(intent.templates.length))
        const read = matcher.match(walk?.words ?? [])
        expect(read, walk?.words.join(' ')).not.toBeNull()
        // Two intents may share a sentence, and words that stand for anything may take in what another slot says.
        if (read?.intent === walk?.intent && read?.openWords === 0)
          expect(read?.slots).toMatchObject(walk?.slots ?? {})
      }),
      { numRuns: 200 },
    )
  })

  test('comes out the same by the same seed', () => {
    const domain = parseDomain(LAMPS)
    const walks = (seed: number) => {
      const walker = new Walker(domain, { names: SAMPLE_NAMES, random: seededRandom(seed) })
      return domain.intents.map((intent) => walker.walk(intent, 0))
    }
    expect(walks(5)).toEqual(walks(5))
    expect(walks(5)).not.toEqual(walks(6))
  })
})

test('sentences from elsewhere leave out what is near to the domain', () => {
  const all = sentencesElsewhere(new Set(), seededRandom(1))
  const near = new Set(['play', 'jazz', 'volume', 'song', 'playlist', 'workout', 'classical', 'music'])
  const fewer = sentencesElsewhere(near, seededRandom(1)).map((words) => words.join(' '))
  expect(all.length).toBeGreaterThan(400)
  expect(fewer).not.toContain('play classical music')
  expect(fewer).toContain('how tall is the eiffel tower')
})
