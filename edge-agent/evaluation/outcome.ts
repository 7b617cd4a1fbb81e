/** What came of one recording: what was meant, what was heard, whether it was right. */
import { wordsOf } from '../intent/normalise.ts'
import type { DomainUnderTest, Reading } from './domain-under-test.ts'
import type { Entry } from './manifest.ts'
import type { Played } from './playing.ts'
import { type WordErrors, wordErrors } from './word-errors.ts'

export interface Outcome {
  readonly entry: Entry
  readonly played: Played
  /** What should be understood; null for a recording that is no command of the domain. */
  readonly expected: Reading | null
  /** What was understood of what was heard, whether or not it was accepted. */
  readonly reading: Reading | null
  /** It was taken for a command. */
  readonly accepted: boolean
  /** What was understood is what was meant: the intent and every slot; without a domain, every word. */
  readonly right: boolean
  /** Present when the manifest says the words. */
  readonly words: WordErrors | null
}

export function outcomeOf(entry: Entry, played: Played, domain: DomainUnderTest | null): Outcome {
  const { hypothesis } = played
  const words =
    entry.text === null ? null : wordErrors(wordsOf(entry.text), wordsOf(hypothesis.text)) // prettier-ignore
  if (domain === null) {
    const right = words !== null && isExact(words)
    return {
      entry,
      played,
      expected: null,
      reading: null,
      accepted: hypothesis.kind === 'heard',
      right,
      words,
    }
  }
  const expected = expectedOf(entry, domain)
  const reading = hypothesis.kind === 'nothing' ? null : domain.understand(hypothesis.text)
  const accepted = reading !== null && domain.accepts(hypothesis, reading)
  const right = expected !== null && reading !== null && isSame(expected, reading)
  return { entry, played, expected, reading, accepted, right, words }
}

/** A line that does not say its intent means what the domain reads in its text, if anything. */
export function expectedOf(entry: Entry, domain: DomainUnderTest): Reading | null {
  if (typeof entry.intent === 'string') return { intent: entry.intent, slots: entry.slots }
  if (entry.intent === null || entry.text === null) return null
  return domain.understand(entry.text)
}

export function isExact(words: WordErrors): boolean {
  return words.insertions + words.deletions + words.substitutions === 0
}

/** The same intent, and every slot the same, no fewer and no more. */
export function isSame(expected: Reading, reading: Reading): boolean {
  const names = Object.keys(expected.slots)
  return (
    expected.intent === reading.intent &&
    names.length === Object.keys(reading.slots).length &&
    names.every((name) => asSaid(expected.slots[name]) === asSaid(reading.slots[name]))
  )
}

/** Slots are compared as words: " Skim  milk" is "skim milk", 5 is "5". */
function asSaid(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.trim().toLowerCase().replace(/\s+/g, ' ')
}
