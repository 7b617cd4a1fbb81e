/** Paraphrases as people string them together: two in one breath, and one that is put right before it ends. */
import type { Understanding } from '../../edge-agent/intent/understanding.ts'
import { SAMPLE_NAMES } from '../edge-agent/intent/known-names.ts'
import type { BenchRow } from './report.ts'

export interface Paraphrase {
  readonly text: string
  readonly intent: string
  readonly slots: Record<string, unknown>
}

/** Far enough apart that the two are of different kinds: the file goes intent by intent. */
const APART = 61
const JOINS = ['and then', 'then', 'and'] as const
/** A number that no paraphrase has. */
const RIGHT = { said: 'five oh eight', value: '508' } as const
const MARKERS = ['no sorry', 'i mean', 'no'] as const

/** Of those that are understood alone: what is lost by stringing them together. And of all, so that two models can be compared. */
export async function breathRows(
  understanding: Understanding,
  paraphrases: readonly Paraphrase[],
): Promise<readonly BenchRow[]> {
  const alone: Paraphrase[] = []
  for (const one of paraphrases)
    if ((await understanding.understand(one.text, SAMPLE_NAMES)).intent === one.intent) alone.push(one)
  return [
    await pairs(understanding, alone, 'two paraphrases in one breath'),
    await pairs(understanding, paraphrases, 'any two paraphrases in one breath'),
    await putRight(understanding, alone),
  ]
}

async function pairs(
  understanding: Understanding,
  some: readonly Paraphrase[],
  name: string,
): Promise<BenchRow> {
  // Notes swallow what follows, answers and a cancel stand alone: by design.
  const joined = some.filter(({ intent }) => !/^(?:note\.|turn\.|cancel$|human\.)/.test(intent))
  let [right, all] = [0, 0]
  for (const [at, first] of joined.entries()) {
    const second = joined[(at + APART) % joined.length]
    if (second === undefined || second.intent === first.intent) continue
    const text = `${first.text} ${JOINS[at % JOINS.length]} ${second.text}`
    const { intent, further } = await understanding.understand(text, SAMPLE_NAMES)
    all += 1
    if (intent === first.intent && further.length === 1 && further[0]?.intent === second.intent) right += 1
  }
  return {
    name: `${name} (${all}), both intents right`,
    value: right / all,
    unit: 'share',
  }
}

async function putRight(understanding: Understanding, alone: readonly Paraphrase[]): Promise<BenchRow> {
  const numbered = alone.filter(({ slots }) => typeof slots['work_order'] === 'string')
  let right = 0
  for (const [at, { text, intent }] of numbered.entries()) {
    const meant = await understanding.understand(
      `${text} ${MARKERS[at % MARKERS.length]} ${RIGHT.said}`,
      SAMPLE_NAMES,
    )
    if (meant.intent === intent && meant.slots['work_order'] === RIGHT.value) right += 1
  }
  return {
    name: `paraphrases with a number put right (${numbered.length}), intent and number right`,
    value: right / numbered.length,
    unit: 'share',
  }
}
